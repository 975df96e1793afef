import type { Piece } from "./members.ts";
import { latin1 } from "./text.ts";

/** A record of a WARC file (WARC 1.1, section 4), as a stretch of a piece's bytes. */
export interface WarcRecord {
  /** The named fields, undecoded: "WARC-Type: response\r\n...". */
  header: string;
  /** Where the block begins and ends in `bytes`. */
  from: number;
  to: number;
  bytes: Buffer;
  /** Where the record begins in the file, as far as that is known: its gzip member, or that of its piece. */
  offset: number;
}

const VERSION = Buffer.from("WARC/1.");
const HEADER_END = Buffer.from("\r\n\r\n");
/** A record that is longer is passed over: nothing that holds pictures' texts is. */
const MAX_RECORD = 64 * 1_048_576;
const MAX_HEADER = 1_048_576;
/** A piece with more records that have no length is rubbish: the rest of it is left. */
const MAX_WITHOUT_LENGTH = 1_000;

/** The value of a record's field. */
export function fieldOf(header: string, name: string): string | undefined {
  // Nearly all writers spell it as the standard does.
  const asIs = header.indexOf(`\n${name}:`);
  const at = asIs >= 0 ? asIs : header.toLowerCase().indexOf(`\n${name.toLowerCase()}:`);
  if (at < 0) return undefined;
  const end = header.indexOf("\r\n", at + 1);
  return header.slice(at + name.length + 2, end < 0 ? undefined : end).trim();
}

/** Cuts pieces into records, holding back what is cut off until the next piece brings the rest. */
export class RecordReader {
  /** What is held back, and how much it must become to hold a whole record: joined before, it would be copied each time. */
  #rest: Buffer[] = [];
  #held = 0;
  #needed = 0;
  #position = 0;
  /** Records that could not be read. */
  damaged = 0;

  /** The byte of the file from which to go on: all before is in records that were given out. */
  get position(): number {
    return this.#position;
  }

  /** Whether bytes are held back: 1 at the end of a file that ends inside a record. */
  get cutOff(): number {
    return this.#held > 0 ? 1 : 0;
  }

  /** The records that are complete with this piece; in order, each to be dealt with before the next is asked for. */
  *read(piece: Piece): Generator<WarcRecord> {
    const { packed } = piece;
    const start = piece.start - this.#held;
    if (this.#held > 0) {
      this.#rest.push(piece.bytes);
      this.#held += piece.bytes.length;
      if (this.#held < this.#needed) return;
    }
    const bytes = this.#held > 0 ? Buffer.concat(this.#rest) : piece.bytes;
    const all = [...cut(bytes)];
    const final = all.at(-1);
    this.#rest = [];
    this.#held = 0;
    this.#position = piece.end;
    // Members are whole records: one that is cut off in its own member stays so.
    if (final && !final.complete) {
      if (packed || final.needed > MAX_RECORD) this.damaged++;
      else {
        const rest = bytes.subarray(final.headerFrom);
        this.#rest = [rest];
        this.#held = rest.length;
        this.#needed = final.needed;
        this.#position = start + final.headerFrom;
      }
    }
    const members = packed ? piece.members(all.length) : undefined;
    for (const [i, { from, to, headerFrom, complete, broken }] of all.entries()) {
      if (broken) this.damaged++;
      if (!complete) return;
      const offset = packed ? (members?.[i] ?? piece.start) : start + headerFrom;
      yield { header: latin1(bytes, headerFrom, from), from, to, bytes, offset };
    }
  }
}

interface Cut {
  headerFrom: number;
  from: number;
  to: number;
  complete: boolean;
  /** Bytes from its header on that must be there before it can be complete. */
  needed: number;
  /** Bytes before it are of no record. */
  broken: boolean;
}

function* cut(bytes: Buffer): Generator<Cut> {
  let at = 0;
  let withoutLength = 0;
  for (;;) {
    let headerFrom = at;
    // Two empty lines end a record; some writers leave more, or none.
    while (bytes[headerFrom] === 13 || bytes[headerFrom] === 10) headerFrom++;
    if (headerFrom >= bytes.length) return;
    let broken = false;
    if (bytes.indexOf(VERSION, headerFrom) !== headerFrom) {
      broken = bytes.length - headerFrom >= VERSION.length;
      const next = bytes.indexOf(VERSION, headerFrom);
      if (next < 0) {
        // Only the mark's beginning may be among the last bytes.
        headerFrom = Math.max(headerFrom, bytes.length - VERSION.length + 1);
        const end = { from: bytes.length, to: bytes.length, complete: false, needed: 0, broken: false };
        yield { headerFrom, ...end };
        return;
      }
      headerFrom = next;
    }
    const headerEnd = bytes.indexOf(HEADER_END, headerFrom);
    const length = headerEnd < 0 ? 0 : contentLength(bytes, headerFrom, headerEnd);
    const from = headerEnd < 0 ? bytes.length : headerEnd + HEADER_END.length;
    const complete = headerEnd >= 0 && length >= 0 && from + length <= bytes.length;
    if (length < 0) {
      // Without a length the record ends where the next one begins.
      const next = bytes.indexOf(VERSION, from);
      at = next < 0 || ++withoutLength > MAX_WITHOUT_LENGTH ? bytes.length : next;
      yield { headerFrom: at, from: at, to: at, complete: true, needed: 0, broken: true };
      continue;
    }
    const endless = headerEnd < 0 && bytes.length - headerFrom > MAX_HEADER;
    const needed = endless ? Number.POSITIVE_INFINITY : headerEnd < 0 ? 0 : from + length - headerFrom;
    yield { headerFrom, from, to: complete ? from + length : bytes.length, complete, needed, broken };
    if (!complete) return;
    at = from + length;
  }
}

const LENGTH = /\ncontent-length:\s*(\d+)\s*(?:\r|$)/i;

function contentLength(bytes: Buffer, from: number, to: number): number {
  const length = LENGTH.exec(latin1(bytes, from, to))?.[1];
  return length === undefined ? -1 : Number(length);
}
