import type { S3Objects } from "../../store/objects/s3.ts";
import { importS3 } from "../../store/objects.ts";
import { UsageError } from "../../store/usage-error.ts";
import type { HttpClient } from "../http.ts";
import { RemoteFile } from "../remote-file.ts";

const COMMON_CRAWL_BUCKET = "commoncrawl";

/** The part of an input that reads; RemoteFile has it too. */
interface Reader {
  size(): Promise<number>;
  read(start: number, end: number): Promise<Buffer>;
  stream(start?: number): AsyncIterable<Buffer>;
}

/**
 * A file in an S3 bucket, read with the credentials that AWS's own tools would use, else as a stranger. Opens nothing
 * yet. Common Crawl's bucket is open to strangers over its own server only.
 */
export function s3Input(bucket: string, key: string, http: HttpClient): Reader {
  let opened: Promise<Reader> | undefined;
  const reader = () => {
    opened ??= open(bucket, key, http);
    return opened;
  };
  return {
    size: async () => (await reader()).size(),
    read: async (start, end) => (await reader()).read(start, end),
    stream: async function* (start) {
      yield* (await reader()).stream(start);
    },
  };
}

async function open(bucket: string, key: string, http: HttpClient): Promise<Reader> {
  try {
    const { S3Objects, hasCredentials } = await importS3();
    if (bucket !== COMMON_CRAWL_BUCKET || (await hasCredentials())) return ofObject(new S3Objects(bucket, ""), key);
  } catch (error) {
    // Without the SDK what is open to strangers can be read all the same.
    if (!(error instanceof UsageError)) throw error;
  }
  return new RemoteFile(http, publicAddress(bucket, key));
}

function ofObject(objects: S3Objects, key: string): Reader {
  const version = {};
  return {
    size: async () => {
      const info = await objects.stat(key);
      if (!info) throw new Error(`${objects.url(key)}: there is no such object`);
      return info.size;
    },
    read: async (start, end) => {
      const chunks: Buffer[] = [];
      for await (const chunk of objects.read(key, { start, end }, version)) chunks.push(chunk);
      return Buffer.concat(chunks);
    },
    stream: (start = 0) => objects.read(key, { start }, version),
  };
}

function publicAddress(bucket: string, key: string): string {
  if (bucket === COMMON_CRAWL_BUCKET) return `https://data.commoncrawl.org/${key}`;
  const endpoint = process.env["AWS_ENDPOINT_URL"];
  return endpoint ? `${endpoint.replace(/\/$/, "")}/${bucket}/${key}` : `https://${bucket}.s3.amazonaws.com/${key}`;
}
