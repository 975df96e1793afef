import { UsageError } from "./usage-error.ts";

/** What a store says of an object. */
export interface ObjectInfo {
  /** Its name under the store's location, with `/` between parts. */
  name: string;
  /** Bytes. */
  size: number;
  /** When it was published, by the store's clock. */
  modified: Date;
}

/** What is published: bytes, a file of this machine, or a stream. */
export type Content =
  | Buffer
  | AsyncIterable<Buffer>
  | {
      file: string;
      /** Nobody writes to the file any more: a link to it will do where a copy would be made. */
      final?: boolean;
    };

/**
 * Named objects in a folder (also one that many machines share) or in an S3 bucket. An object appears under its name
 * only when it is complete, and is never seen half replaced. Names are relative, of parts that do not begin with a dot.
 * Every error names the object.
 */
export interface Objects {
  /** As it was opened: a folder, or s3://BUCKET/PREFIX. */
  readonly location: string;
  /** All objects whose name begins with `prefix`, sorted by name (code units). */
  list(prefix: string): AsyncIterable<ObjectInfo>;
  /** Undefined when there is no such object. */
  stat(name: string): Promise<ObjectInfo | undefined>;
  /** The bytes from `start` to before `end`; goes on by itself when a connection breaks, if the object is still the same. */
  read(name: string, range?: { start?: number; end?: number }): AsyncIterable<Buffer>;
  /** @throws Error when there is no such object. */
  get(name: string): Promise<Buffer>;
  getIfPresent(name: string): Promise<Buffer | undefined>;
  /** Brings the object to `file`, whole or not at all. With `readOnly` it may be a link that must not be written to. */
  fetch(name: string, file: string, options?: { readOnly?: boolean }): Promise<void>;
  /**
   * Where the bytes from `start` to before `end` can be read as a part of a file: of the object itself, when it is a file, else
   * of `file`, which they are brought to. To be read only.
   */
  fetchRange(
    name: string,
    range: { start: number; end: number },
    file: string,
  ): Promise<{ file: string; offset: number }>;
  /** Publishes atomically, in place of what had the name. */
  put(name: string, content: Content): Promise<void>;
  /**
   * Publishes only where nothing has the name.
   * @returns whether the object now holds these bytes: a try whose answer was lost, and is made again, succeeds.
   */
  putIfAbsent(name: string, bytes: Buffer): Promise<boolean>;
  /** Without an error when there is none. */
  delete(name: string): Promise<void>;
  /** Where the object lies, for people and other programs. */
  url(name: string): string;
}

/**
 * @param location a folder, made when something is published, or s3://BUCKET/PREFIX. Credentials, region, profile and
 *   AWS_ENDPOINT_URL are found as AWS's own tools find them.
 * @throws UsageError when the location is no such place, or the SDK for S3 is not installed.
 */
export async function openObjects(location: string): Promise<Objects> {
  if (!/^[a-z0-9+.-]+:\/\//i.test(location)) {
    const { LocalObjects } = await import("./objects/local.ts");
    return new LocalObjects(location);
  }
  const [, bucket, prefix = ""] = /^s3:\/\/([^/]+)(?:\/(.*))?$/.exec(location) ?? [];
  if (bucket === undefined) throw new UsageError(`${location}: expected a folder or s3://BUCKET/PREFIX`);
  const { S3Objects } = await importS3();
  return new S3Objects(bucket, prefix.replace(/\/+$/, ""));
}

/** The part that needs the SDK; loaded only for a bucket. */
export async function importS3(): Promise<typeof import("./objects/s3.ts")> {
  try {
    return await import("./objects/s3.ts");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new UsageError(
      "s3:// needs packages that were left out: npm install @aws-sdk/client-s3 @aws-sdk/lib-storage (or npm ci without --omit=optional)",
    );
  }
}

/** @throws Error unless `name` can be an object's. */
export function checkName(name: string): void {
  if (name === "" || name.split("/").some((part) => part === "" || part.startsWith(".")))
    throw new Error(`${JSON.stringify(name)}: not a name of an object (relative, no part begins with a dot)`);
}
