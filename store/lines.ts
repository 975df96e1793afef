import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import zlib from "node:zlib";

/** The bytes of a file, decompressed when its name ends in .gz or .zst; errors reach the reader of the stream. */
export function openFile(file: string | URL): Readable {
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

/** The lines of a text file (UTF-8, plain, .gz or .zst), without their line ends, in constant memory. */
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
