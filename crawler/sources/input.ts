// As one object: an older Node, which is told so in one line, could not even link the name globSync.
import fs, { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { pipeline, Readable } from "node:stream";
import zlib from "node:zlib";
import { UsageError } from "../../store/usage-error.ts";
import type { HttpClient } from "../http.ts";
import { RemoteFile } from "../remote-file.ts";
import { bunzip2 } from "./bunzip2.ts";
import { s3Input } from "./s3-input.ts";

const CHUNK = 262_144;

/** A file that a source reads, on this machine or on a web server. */
export interface Input {
  name: string;
  size(): Promise<number>;
  /** The bytes from `start` to before `end`. */
  read(start: number, end: number): Promise<Buffer>;
  /** The bytes from `start` to the end of the file, as they are stored. */
  stream(start?: number): AsyncIterable<Buffer>;
}

/**
 * Opens nothing yet: errors, which name the file, come when it is read.
 * @param name a path, an http(s) address, or s3://BUCKET/KEY.
 */
export function inputOf(name: string, http: HttpClient): Input {
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(name) ?? [];
  if (bucket === undefined && !/^https?:\/\//i.test(name)) return localInput(name);
  const file = bucket !== undefined && key !== undefined ? s3Input(bucket, key, http) : new RemoteFile(http, name);
  return {
    name,
    size: () => file.size(),
    read: (start, end) => file.read(start, end),
    stream: (start) => file.stream(start),
  };
}

function localInput(name: string): Input {
  const named = (error: unknown) => new Error(`${name}: ${(error as Error).message}`);
  return {
    name,
    size: () =>
      stat(name).then(
        ({ size }) => size,
        (error) => Promise.reject(named(error)),
      ),
    read: async (start, end) => {
      const handle = await open(name).catch((error) => Promise.reject(named(error)));
      try {
        const buffer = Buffer.allocUnsafe(end - start);
        let have = 0;
        while (have < buffer.length) {
          const { bytesRead } = await handle.read(buffer, have, buffer.length - have, start + have);
          if (bytesRead === 0) throw new Error(`${name}: ends at byte ${start + have}, before ${end}`);
          have += bytesRead;
        }
        return buffer;
      } finally {
        await handle.close();
      }
    },
    stream: async function* (start = 0) {
      try {
        const { size } = await stat(name);
        if (start > size)
          throw new Error(`it has ${size} bytes, and was to be read from byte ${start} on: it is another file now`);
        yield* createReadStream(name, { start, highWaterMark: CHUNK });
      } catch (error) {
        throw named(error);
      }
    },
  };
}

/** The text of an input: decompressed when its name ends in .gz, .zst or .bz2. */
export function decoded(input: Input): AsyncIterable<Buffer> {
  const path = pathOf(input.name);
  if (path.endsWith(".bz2")) return bunzip2(input.stream());
  if (!path.endsWith(".gz") && !path.endsWith(".zst")) return input.stream();
  const decoder = path.endsWith(".gz")
    ? zlib.createGunzip({ chunkSize: CHUNK })
    : zlib.createZstdDecompress({ chunkSize: CHUNK });
  return named(
    input.name,
    pipeline(Readable.from(input.stream()), decoder, () => {}),
  );
}

/** What comes of a stream, with the file's name in its errors. */
export async function* named<T>(name: string, stream: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* stream;
  } catch (error) {
    const { message } = error as Error;
    throw message.startsWith(name) ? error : new Error(`${name}: ${message}`);
  }
}

/** What ends a run that would go on in the middle of something else than it began with. */
export function anotherFile(name: string, detail: string): Error {
  return new Error(
    `${name}: ${detail}: it is another file now; put the old one back, or give the new one another name, under which it is read from its beginning`,
  );
}

/** The part of a name that its endings are read from: without an address's query. */
export function pathOf(name: string): string {
  return (URL.parse(name)?.pathname ?? name).toLowerCase();
}

/** A row of a list, and a line, that is longer is none: what was to end it is missing. In characters. */
export const MAX_ROW = 16 * 1_048_576;

/**
 * The lines of an input (UTF-8), without their ends, in constant memory: of a line longer than {@link MAX_ROW} comes the
 * beginning.
 */
export async function* linesOf(input: Input): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of decoded(input)) {
    const lines = decoder.decode(chunk, { stream: true }).split("\n");
    const last = lines.pop() ?? "";
    for (const line of lines) {
      // With its end, a JSON object without its middle could pass for a whole one.
      const whole = rest.length > MAX_ROW ? rest : rest + line;
      rest = "";
      yield whole.endsWith("\r") ? whole.slice(0, -1) : whole;
    }
    if (rest.length <= MAX_ROW) rest += last;
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}

/**
 * The files that arguments name: patterns (`part-*.parquet`), and ranges (`part-{00000..00127}.parquet`, for addresses
 * too); sorted where a pattern leaves the order open.
 * @throws UsageError when a pattern fits no file, or a range is empty.
 */
export function expandNames(names: readonly string[], option: string): string[] {
  const expanded = names.flatMap((name) => {
    const all = expandRange(name);
    if (all.length === 0) throw new UsageError(`${option} ${name}: the range is empty`);
    return all;
  });
  return expanded.flatMap((name) => {
    if (!isPattern(name)) return [name];
    const files = fs.globSync(name).sort();
    if (files.length === 0) throw new UsageError(`${option} ${name}: fits no file`);
    return files;
  });
}

/** Whether a name is a pattern: a file may have brackets in its own name. */
export function isPattern(name: string): boolean {
  return !/^\w+:\/\//.test(name) && /[*?[]/.test(name) && !fs.existsSync(name);
}

function expandRange(name: string): string[] {
  const [range, first = "", last = ""] = /\{(\d+)\.\.(\d+)\}/.exec(name) ?? [];
  if (range === undefined) return [name];
  const numbers = Array.from({ length: Math.max(Number(last) - Number(first) + 1, 0) }, (_, i) => Number(first) + i);
  return numbers.flatMap((n) => expandRange(name.replace(range, String(n).padStart(first.length, "0"))));
}

/** Whether item `index` of a source's inputs is rank's: they are dealt round. */
export function ownsItem(index: number, rank: number, world: number): boolean {
  return index % world === rank;
}
