import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import zlib from "node:zlib";
import { bzip2Chunks, isBzip2 } from "../queries/blocks.ts";

/** The bytes of a file, decompressed when its name ends in .gz, .zst or .bz2; errors reach the reader of the stream. */
export function openFile(file: string | URL): Readable {
  if (String(file).endsWith(".bz2")) return Readable.from(bzip2Bytes(file instanceof URL ? fileURLToPath(file) : file));
  const raw = createReadStream(file);
  const name = String(file);
  const decoder = name.endsWith(".gz")
    ? zlib.createGunzip()
    : name.endsWith(".zst")
      ? zlib.createZstdDecompress()
      : undefined;
  if (!decoder) return raw;
  // pipe() does not forward errors: without this a missing file would wait for ever.
  raw.on("error", (error) => decoder.destroy(error));
  return raw.pipe(decoder);
}

/** @throws Error at the first damaged block: a list with a gap in it is not what was asked for. */
function* bzip2Bytes(file: string): Generator<Buffer> {
  const fail = ({ offset, reason }: { offset: number; reason: string }) => {
    throw new Error(`at byte ${offset}: ${reason}`);
  };
  if (!isBzip2(file)) throw new Error("is not bzip2, in spite of its name");
  for (const chunk of bzip2Chunks(file, 0, Number.POSITIVE_INFINITY, fail)) if (chunk) yield Buffer.from(chunk.text);
}

/** The lines of a text file (UTF-8, plain, .gz, .zst or .bz2), without their line ends, in constant memory. */
export async function* readLines(file: string | URL): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of openFile(file)) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield line.endsWith("\r") ? line.slice(0, -1) : line;
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}
