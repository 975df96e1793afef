import { createHash } from "node:crypto";
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";

const BLOCK = 512;
const ZEROS = Buffer.alloc(BLOCK * 2);

/**
 * Writes a tar file (POSIX ustar) of small members. Our own, because the place of every member is kept in SQLite, and
 * because time, owner and mode are fixed: the same members give the same bytes.
 */
export class TarWriter {
  readonly #descriptor: number;
  readonly #hash = createHash("sha256");
  #size = 0;

  constructor(file: string) {
    this.#descriptor = openSync(file, "w");
  }

  /**
   * Adds a member and returns the offset of its bytes in the file.
   * @param name at most 100 bytes.
   */
  add(name: string, bytes: Uint8Array): number {
    this.#write(header(name, bytes.length));
    const offset = this.#size;
    this.#write(bytes);
    const rest = bytes.length % BLOCK;
    if (rest > 0) this.#write(ZEROS.subarray(0, BLOCK - rest));
    return offset;
  }

  /** Ends the file, lasting; returns its size and SHA-256. */
  close(): { bytes: number; sha256: string } {
    this.#write(ZEROS);
    fsyncSync(this.#descriptor);
    closeSync(this.#descriptor);
    return { bytes: this.#size, sha256: this.#hash.digest("hex") };
  }

  #write(bytes: Uint8Array): void {
    let written = 0;
    while (written < bytes.length) written += writeSync(this.#descriptor, bytes, written);
    this.#hash.update(bytes);
    this.#size += bytes.length;
  }
}

function header(name: string, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  if (block.write(name, 0, 100, "utf8") !== Buffer.byteLength(name))
    throw new Error(`tar: name longer than 100 bytes: ${name}`);
  const octal = (value: number, at: number, length: number) =>
    block.write(`${value.toString(8).padStart(length - 1, "0")}\0`, at, "latin1");
  octal(0o644, 100, 8); // mode
  octal(0, 108, 8); // owner
  octal(0, 116, 8); // group
  octal(size, 124, 12);
  octal(0, 136, 12); // time
  block.write("        ", 148, "latin1"); // the checksum counts as spaces
  block.write("0", 156, "latin1"); // an ordinary file
  block.write("ustar\x0000", 257, "latin1");
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}
