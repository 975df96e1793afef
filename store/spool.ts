import { closeSync, fstatSync, fsyncSync, mkdirSync, openSync, readSync, writeSync } from "node:fs";
import { join, resolve } from "node:path";

/** Where a stored picture lies, as in the columns of `pair`. */
export interface Place {
  /** Relative to the workspace, or a whole path. */
  file: string;
  offset: number;
  bytes: number;
}

function packName(number: number): string {
  return `spool/${String(number).padStart(5, "0")}.pack`;
}

/**
 * Pictures between their download and their shard, one after the other in append-only files. Bytes are written before
 * the row that names them is committed, so a killed run leaves at most bytes that no row names.
 */
export class Spool {
  readonly #data: string;
  #number: number;
  #descriptor: number;
  #end: number;

  /** @param number of the file; an ordinary workspace has one. */
  constructor(data: string, number = 0) {
    mkdirSync(join(data, "spool"), { recursive: true });
    this.#data = data;
    this.#number = number;
    this.#descriptor = openSync(join(data, packName(number)), "a");
    this.#end = fstatSync(this.#descriptor).size;
  }

  /** Ends this file and begins the next. */
  rotate(): void {
    this.close();
    this.#number++;
    this.#descriptor = openSync(join(this.#data, packName(this.#number)), "a");
    this.#end = fstatSync(this.#descriptor).size;
  }

  /** Appends a picture; lasting only after {@link sync}. */
  append(image: Uint8Array): Place {
    let written = 0;
    while (written < image.length) written += writeSync(this.#descriptor, image, written);
    const place = { file: packName(this.#number), offset: this.#end, bytes: image.length };
    this.#end += image.length;
    return place;
  }

  /** Returns when all that was appended would survive a power cut. */
  sync(): void {
    fsyncSync(this.#descriptor);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** Files that are kept open; many systems allow a process 1,024. */
const MOST_OPEN = 512;

/** Reads stored pictures; keeps the files it met last open until closed. */
export class PlaceReader {
  readonly #data: string;
  readonly #open = new Map<string, number>();

  constructor(data: string) {
    this.#data = data;
  }

  /** @throws Error when the file is gone or shorter than the row says. */
  read(place: Place): Buffer {
    const buffer = Buffer.allocUnsafeSlow(place.bytes);
    this.readInto(buffer, 0, place);
    return buffer;
  }

  /** As {@link read}, into a buffer that has room from `at` on. */
  readInto(buffer: Buffer, at: number, { file, offset, bytes }: Place): void {
    const descriptor = this.#open.get(file) ?? this.#openFile(file);
    let done = 0;
    while (done < bytes) {
      const read = readSync(descriptor, buffer, at + done, bytes - done, offset + done);
      if (read === 0)
        throw new Error(`${resolve(this.#data, file)}: ends before byte ${offset + bytes}; was it changed by hand?`);
      done += read;
    }
  }

  close(): void {
    for (const descriptor of this.#open.values()) closeSync(descriptor);
    this.#open.clear();
  }

  #openFile(file: string): number {
    for (const [first, descriptor] of this.#open) {
      if (this.#open.size < MOST_OPEN) break;
      closeSync(descriptor);
      this.#open.delete(first);
    }
    const descriptor = openSync(resolve(this.#data, file), "r");
    this.#open.set(file, descriptor);
    return descriptor;
  }
}
