import { randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { type Content, checkName, type ObjectInfo, type Objects } from "../objects.ts";
import { s3Client } from "./s3-client.ts";

export { hasCredentials } from "./s3-client.ts";

/** Bytes of a part of an upload, of which S3 takes 10,000: objects of up to 160 GB. Four are in memory at a time. */
const PART = 16_777_216;
/** Tries in a row without a byte before reading is given up, and their longest wait. */
const MAX_TRIES = 8;
const MAX_WAIT_MS = 20_000;

/** Objects of an S3 bucket, below a prefix. */
export class S3Objects implements Objects {
  readonly location: string;
  readonly #bucket: string;
  readonly #prefix: string;

  constructor(bucket: string, prefix: string) {
    this.#bucket = bucket;
    this.#prefix = prefix === "" ? "" : `${prefix}/`;
    this.location = `s3://${bucket}${prefix === "" ? "" : `/${prefix}`}`;
  }

  async *list(prefix: string): AsyncGenerator<ObjectInfo> {
    let after: string | undefined;
    do {
      const request = { Bucket: this.#bucket, Prefix: this.#prefix + prefix, ContinuationToken: after };
      const page = await this.#ask(prefix, (client) => client.send(new ListObjectsV2Command(request)));
      for (const { Key = "", Size = 0, LastModified = new Date(0) } of page.Contents ?? [])
        yield { name: Key.slice(this.#prefix.length), size: Size, modified: LastModified };
      after = page.NextContinuationToken;
    } while (after !== undefined);
  }

  async stat(name: string): Promise<ObjectInfo | undefined> {
    const found = await this.#ask(name, (client) =>
      client.send(new HeadObjectCommand(this.#key(name))).catch(ifMissing(undefined)),
    );
    return found && { name, size: found.ContentLength ?? 0, modified: found.LastModified ?? new Date(0) };
  }

  /** @param seen which version is read: set by the first read it is given to, asked for by the others. */
  async *read(
    name: string,
    { start = 0, end }: { start?: number; end?: number } = {},
    seen: { etag?: string | undefined } = {},
  ): AsyncGenerator<Buffer> {
    if (end !== undefined && end <= start) return;
    let at = start;
    for (let failures = 0; ; ) {
      try {
        const { body, version, size } = await this.#open(name, at, end, seen.etag);
        seen.etag = version;
        if (at > size)
          throw new Error(
            `${this.url(name)}: it has ${size} bytes, and was to be read from byte ${at} on: it is another object now`,
          );
        if (end !== undefined && end > size) throw new Error(`${this.url(name)}: ends at byte ${size}, before ${end}`);
        for await (const chunk of body as AsyncIterable<Buffer>) {
          at += chunk.length;
          failures = 0;
          yield chunk;
        }
        if (at >= (end ?? size)) return;
      } catch (error) {
        // What the client has not tried again itself: connections that break while a body comes in.
        if (!isBroken(error) || ++failures >= MAX_TRIES) throw this.#named(name, error);
        await sleep(Math.min(100 * 2 ** failures, MAX_WAIT_MS));
      }
    }
  }

  /** Asks for the bytes from `at` on, of the version that was read before. */
  async #open(name: string, at: number, end: number | undefined, etag: string | undefined) {
    const Range = at > 0 || end !== undefined ? `bytes=${at}-${end === undefined ? "" : end - 1}` : undefined;
    const client = await s3Client();
    try {
      const answer = await client.send(new GetObjectCommand({ ...this.#key(name), Range, IfMatch: etag }));
      const size = Number(/\/(\d+)$/.exec(answer.ContentRange ?? "")?.[1] ?? answer.ContentLength);
      return { body: (answer.Body ?? Readable.from([])) as Readable, version: answer.ETag, size };
    } catch (error) {
      if (statusOf(error) === 412)
        throw new Error(`${this.url(name)}: it changed while it was read: run the same command again`);
      if (statusOf(error) !== 416) throw error;
      // Nothing is left behind `at`.
      return { body: Readable.from([]), version: etag, size: (await this.stat(name))?.size ?? 0 };
    }
  }

  async get(name: string): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.read(name)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  async getIfPresent(name: string): Promise<Buffer | undefined> {
    // A HEAD would be a second request, and could be wrong by the time of the first.
    return this.get(name).catch((error) => {
      if (isMissing(error.cause ?? error)) return undefined;
      throw error;
    });
  }

  async fetch(name: string, file: string): Promise<void> {
    const temporary = join(dirname(file), `.${randomUUID()}.tmp`);
    try {
      await pipeline(this.read(name), createWriteStream(temporary));
      await rename(temporary, file);
    } finally {
      await rm(temporary, { force: true });
    }
  }

  async fetchRange(name: string, range: { start: number; end: number }, file: string) {
    await pipeline(this.read(name, range), createWriteStream(file));
    return { file, offset: 0 };
  }

  async put(name: string, content: Content): Promise<void> {
    checkName(name);
    const params = this.#key(name);
    await this.#ask(name, async (client) => {
      if (!Buffer.isBuffer(content) && "file" in content && (await stat(content.file)).size <= PART)
        return client.send(new PutObjectCommand({ ...params, Body: await readFile(content.file) }));
      if (Buffer.isBuffer(content) && content.length <= PART)
        return client.send(new PutObjectCommand({ ...params, Body: content }));
      const Body = Buffer.isBuffer(content)
        ? content
        : "file" in content
          ? createReadStream(content.file, { highWaterMark: 1_048_576 })
          : Readable.from(content);
      return new Upload({ client, partSize: PART, params: { ...params, Body } }).done();
    });
  }

  async putIfAbsent(name: string, bytes: Buffer): Promise<boolean> {
    checkName(name);
    const request = { ...this.#key(name), Body: bytes, IfNoneMatch: "*" };
    for (let tries = 1; ; tries++) {
      try {
        await this.#ask(name, (client) => client.send(new PutObjectCommand(request)));
        return true;
      } catch (error) {
        const status = statusOf((error as Error).cause);
        if (status === 412) return bytes.equals(await this.get(name));
        // 409: somebody else is just doing the same, or deletes it.
        if (status !== 409 || tries >= MAX_TRIES) throw error;
        await sleep(100 * 2 ** tries);
      }
    }
  }

  async delete(name: string): Promise<void> {
    await this.#ask(name, (client) => client.send(new DeleteObjectCommand(this.#key(name))));
  }

  url(name: string): string {
    return `${this.location}/${name}`;
  }

  #key(name: string): { Bucket: string; Key: string } {
    return { Bucket: this.#bucket, Key: this.#prefix + name };
  }

  async #ask<T>(name: string, task: (client: S3Client) => Promise<T>): Promise<T> {
    return s3Client()
      .then(task)
      .catch((error) => Promise.reject(this.#named(name, error)));
  }

  /** What S3 says is often only a code, or nothing at all (a HEAD has no body). */
  #named(name: string, error: unknown): Error {
    const { name: code, message } = error as Error;
    if (message.includes(this.url(name))) return error as Error;
    const status = statusOf(error);
    const said = [
      message === code ? "" : message,
      code === "Error" ? "" : code,
      status === undefined ? "" : `status ${status}`,
    ];
    return new Error(`${this.url(name)}: ${said.filter((text) => text !== "").join(", ")}`, { cause: error });
  }
}

function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
}

function isBroken(error: unknown): boolean {
  const { code = "", name, message } = error as NodeJS.ErrnoException;
  return /^(ECONN|EPIPE|ETIMEDOUT|ERR_STREAM_PREMATURE)/.test(code) || name === "TimeoutError" || message === "aborted";
}

function ifMissing<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (isMissing(error)) return value;
    throw error;
  };
}

function isMissing(error: unknown): boolean {
  return statusOf(error) === 404 && (error as Error).name !== "NoSuchBucket";
}
