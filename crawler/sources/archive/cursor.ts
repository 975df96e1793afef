/** From this length on a mark is found faster by its parts than by Node's search, which takes bytes one after the other. */
const LONG = 12;
const SLOTS = 4096;

/** Where a mark stands next in some bytes: it is searched for once over the whole, however they are divided. */
export class Cursor {
  readonly #bytes: Buffer;
  readonly #mark: Buffer;
  readonly #parts: Int8Array | undefined;
  #at = -1;

  /** @param mark ASCII, as {@link markOf} prepares it. */
  constructor(bytes: Buffer, { mark, parts }: Mark) {
    this.#bytes = bytes;
    this.#mark = mark;
    this.#parts = parts;
  }

  /** The first one from `from` on, Infinity when there is none; never asked for less than before. */
  next(from: number): number {
    if (this.#at < from) {
      const at = this.#parts
        ? findByParts(this.#bytes, this.#mark, this.#parts, from)
        : this.#bytes.indexOf(this.#mark, from);
      this.#at = at < 0 ? Number.POSITIVE_INFINITY : at;
    }
    return this.#at;
  }
}

/** What {@link Cursor} looks for; `parts` has the place of each three bytes of the mark, plus one, by their number. */
export interface Mark {
  mark: Buffer;
  parts: Int8Array | undefined;
}

/** Prepares a mark. A long one must not have the same three bytes twice. */
export function markOf(text: string): Mark {
  const mark = Buffer.from(text);
  if (mark.length < LONG) return { mark, parts: undefined };
  const parts = new Int8Array(SLOTS);
  for (let i = 0; i + 2 < mark.length; i++) parts[partNumber(mark, i)] = i + 1;
  return { mark, parts };
}

const partNumber = (bytes: Uint8Array, at: number) =>
  ((bytes[at] as number) ^ ((bytes[at + 1] as number) << 3) ^ ((bytes[at + 2] as number) << 5)) & (SLOTS - 1);

/**
 * Wherever the mark stands, one of every `length - 2` places lies in it: so only those are looked at, each independent of
 * the last, so that the processor does several at once.
 */
function findByParts(bytes: Buffer, mark: Buffer, parts: Int8Array, from: number): number {
  const step = mark.length - 2;
  const last = bytes.length - 2;
  for (let at = from; at < last; at += step) {
    const place = parts[partNumber(bytes, at)] as number;
    if (place === 0) continue;
    const start = at - place + 1;
    if (start >= from && stands(bytes, mark, start)) return start;
  }
  return -1;
}

function stands(bytes: Buffer, mark: Buffer, at: number): boolean {
  for (let i = 0; i < mark.length; i++) if (bytes[at + i] !== mark[i]) return false;
  return true;
}
