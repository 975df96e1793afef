import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import type { Place, PlaceReader } from "../../store/spool.ts";

/** Pictures are written so many bytes at a time. */
const TOGETHER = 1_048_576;

/** Writes a file of pictures, one after the other. */
export class PictureFile {
  readonly #descriptor: number;
  #waiting = Buffer.allocUnsafeSlow(TOGETHER);
  #used = 0;
  #written = 0;

  /** @param file is made anew. */
  constructor(file: string) {
    this.#descriptor = openSync(file, "w");
  }

  /** Bytes so far. */
  get size(): number {
    return this.#written + this.#used;
  }

  /** Copies a picture; @returns where it begins now. */
  add(reader: PlaceReader, place: Place): number {
    if (this.#used + place.bytes > this.#waiting.length) this.#flush();
    if (place.bytes > this.#waiting.length) this.#waiting = Buffer.allocUnsafeSlow(place.bytes);
    const offset = this.size;
    reader.readInto(this.#waiting, this.#used, place);
    this.#used += place.bytes;
    return offset;
  }

  /** Ends it, lasting. */
  close(): void {
    this.#flush();
    fsyncSync(this.#descriptor);
    closeSync(this.#descriptor);
  }

  #flush(): void {
    for (let done = 0; done < this.#used; ) done += writeSync(this.#descriptor, this.#waiting, done, this.#used - done);
    this.#written += this.#used;
    this.#used = 0;
  }
}
