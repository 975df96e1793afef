import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

const BLOCK = 512;

/** A member of a tar file. */
export interface TarMember {
  name: string;
  /** Of its bytes in the file. */
  offset: number;
  bytes: Buffer;
}

/** What is known of the whole file once every member was read. */
export interface TarEnd {
  bytes: number;
  sha256: string;
}

/**
 * Reads a tar file as {@link TarWriter} makes them, member by member, with its checksum from the same pass. Apart from
 * the writer on purpose: what one gets wrong the other should notice.
 * @throws Error when a header is damaged or the file ends too early.
 */
export function* readTar(file: string): Generator<TarMember, TarEnd> {
  const descriptor = openSync(file, "r");
  const hash = createHash("sha256");
  const size = fstatSync(descriptor).size;
  let position = 0;
  const take = (length: number): Buffer => {
    const buffer = Buffer.alloc(length);
    for (let done = 0; done < length; ) {
      const read = readSync(descriptor, buffer, done, length - done, position + done);
      if (read === 0) throw new Error(`ends at byte ${size}, in the middle of a member`);
      done += read;
    }
    position += length;
    hash.update(buffer);
    return buffer;
  };
  try {
    for (;;) {
      const header = take(BLOCK);
      if (header.every((byte) => byte === 0)) break;
      const { name, length } = parseHeader(header, position - BLOCK);
      const offset = position;
      if (offset + length > size) throw new Error(`ends at byte ${size}, in the middle of ${name}`);
      const bytes = take(length);
      if (take((BLOCK - (length % BLOCK)) % BLOCK).some((byte) => byte !== 0))
        throw new Error(`the filling after ${name} is not empty`);
      yield { name, offset, bytes };
    }
    // The second of the two empty blocks, and whatever else may follow.
    if (take(size - position).some((byte) => byte !== 0)) throw new Error("data after the end of the archive");
    return { bytes: size, sha256: hash.digest("hex") };
  } finally {
    closeSync(descriptor);
  }
}

function parseHeader(header: Buffer, at: number): { name: string; length: number } {
  let sum = 0;
  for (const [i, byte] of header.entries()) sum += i >= 148 && i < 156 ? 0x20 : byte;
  const octal = (from: number, to: number) =>
    Number.parseInt(header.toString("latin1", from, to).replace(/\0.*/, ""), 8);
  if (octal(148, 156) !== sum) throw new Error(`the header at byte ${at} is damaged`);
  return { name: header.toString("utf8", 0, 100).replace(/\0.*/s, ""), length: octal(124, 136) };
}
