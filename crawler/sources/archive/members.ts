import zlib from "node:zlib";
import { type Input, pathOf } from "../input.ts";
import { Inflater } from "./inflate.ts";

/** Bytes of the file that are unpacked in one go; pieces end where members do, so they are a little shorter. */
const WINDOW = 262_144;
/** A member that is longer is not waited for: the file is one stream, and is unpacked as such. */
const MAX_MEMBER = 64 * 1_048_576;
/** A piece that inflates to more is taken apart, a member that does is damaged. */
const MAX_INFLATED = 512 * 1_048_576;
const MAGIC = Buffer.from([0x1f, 0x8b, 0x08]);
/** Where a member that fails may really end: further marks that are tried, since one may stand in compressed bytes by chance. */
const MARKS_TRIED = 3;

/** Some whole gzip members of an archive, unpacked. */
export interface Piece {
  /** Gone when the next piece is asked for, if it was packed. */
  bytes: Buffer;
  /** Where its first member begins in the file, and where its last one ends. */
  start: number;
  end: number;
  /** Whether it was packed: records do not go on in the next piece then. */
  packed: boolean;
  /** Where each of `count` members begins, when there are so many: one a record in an archive as it should be. */
  members: (count: number) => number[] | undefined;
  /** Members that are cut short or damaged, and left out. */
  damaged: number;
}

/**
 * Unpacks an archive of gzip members (WARC 1.1, annex D) from byte `from` on, where a member begins. Pieces are the same
 * however the bytes arrive. A file that is not packed comes as it is, in pieces that may end anywhere.
 */
export async function* piecesOf(input: Input, from: number): AsyncGenerator<Piece> {
  if (!pathOf(input.name).endsWith(".gz")) {
    yield* plainPieces(input, from);
    return;
  }
  const inflater = new Inflater(MAX_INFLATED);
  for await (const { raw, start } of windowsOf(input, from)) yield unpack(inflater, raw, start);
}

async function* plainPieces(input: Input, from: number): AsyncGenerator<Piece> {
  let at = from;
  for await (const bytes of input.stream(from)) {
    yield { bytes, start: at, end: at + bytes.length, packed: false, members: () => undefined, damaged: 0 };
    at += bytes.length;
  }
}

/** The file in windows that begin and end with members; each is overwritten by the next. */
async function* windowsOf(input: Input, from: number): AsyncGenerator<{ raw: Buffer; start: number }> {
  let room = Buffer.allocUnsafeSlow(2 * WINDOW);
  let have = 0;
  let start = from;
  let wanted = WINDOW;
  for await (const chunk of input.stream(from)) {
    if (have + chunk.length > room.length) {
      const larger = Buffer.allocUnsafeSlow(2 * (have + chunk.length));
      room.copy(larger, 0, 0, have);
      room = larger;
    }
    room.set(chunk, have);
    have += chunk.length;
    let taken = 0;
    while (have - taken >= wanted) {
      const cut = lastMember(room.subarray(taken, taken + wanted));
      if (cut > 0) {
        yield { raw: room.subarray(taken, taken + cut), start };
        start += cut;
        taken += cut;
        wanted = WINDOW;
      } else if (wanted < MAX_MEMBER) {
        wanted *= 2;
      } else {
        throw new Error(
          `${input.name}: no gzip member ends within ${MAX_MEMBER / 1_048_576} MiB: the archive is packed as a whole; unpack it and name the .warc or .wat`,
        );
      }
    }
    room.copyWithin(0, taken, have);
    have -= taken;
  }
  if (have > 0) yield { raw: room.subarray(0, have), start };
}

/** Where the last member of a window begins; 0 or less when none does behind its first byte. */
function lastMember(window: Buffer): number {
  for (let at = window.lastIndexOf(MAGIC); at > 0; at = window.lastIndexOf(MAGIC, at - 1)) {
    if (isMember(window, at)) return at;
  }
  return -1;
}

/** Whether a member's header begins here (RFC 1952): reserved flags are 0, extra flags 0, 2 or 4. */
function isMember(bytes: Buffer, at: number): boolean {
  const flags = bytes[at + 3];
  const extra = bytes[at + 8];
  return flags !== undefined && flags < 0x20 && (extra === 0 || extra === 2 || extra === 4);
}

function membersOf(raw: Buffer): number[] {
  return marksOf(raw, MAGIC).filter((at) => isMember(raw, at));
}

function marksOf(raw: Buffer, mark: Buffer): number[] {
  const marks: number[] = [];
  for (let at = raw.indexOf(mark); at >= 0; at = raw.indexOf(mark, at + mark.length)) marks.push(at);
  return marks;
}

function unpack(inflater: Inflater, raw: Buffer, start: number): Piece {
  const end = start + raw.length;
  const members = (count: number) => {
    // Nearly all writers give every member the same ten bytes, which are found faster than the three that must be there.
    const quick = marksOf(raw, raw.subarray(0, 10));
    const marks = quick.length === count ? quick : membersOf(raw);
    return marks.length === count ? marks.map((at) => start + at) : undefined;
  };
  try {
    return { bytes: inflater.gunzip(raw), start, end, packed: true, members, damaged: 0 };
  } catch {
    return unpackOneByOne(raw, start);
  }
}

/** Member by member, leaving out those that cannot be unpacked. */
function unpackOneByOne(raw: Buffer, start: number): Piece {
  const marks = membersOf(raw);
  const bytes: Buffer[] = [];
  const members: number[] = [];
  let damaged = marks[0] === 0 ? 0 : 1;
  for (let i = 0; i < marks.length; ) {
    let tried = 0;
    for (let last = i + 1; last <= marks.length && tried < MARKS_TRIED; last++, tried++) {
      const member = tryGunzip(raw.subarray(marks[i], marks[last] ?? raw.length));
      if (!member) continue;
      bytes.push(member);
      members.push(start + (marks[i] ?? 0));
      i = last;
      tried = -1;
      break;
    }
    if (tried >= 0) {
      damaged++;
      i++;
    }
  }
  return {
    bytes: Buffer.concat(bytes),
    start,
    end: start + raw.length,
    packed: true,
    members: (count) => (members.length === count ? members : undefined),
    damaged,
  };
}

function tryGunzip(member: Buffer): Buffer | undefined {
  try {
    return zlib.gunzipSync(member, { maxOutputLength: MAX_INFLATED });
  } catch {
    return undefined;
  }
}

/** One record's bytes, packed or not, as a piece. */
export function unpackRecord(raw: Buffer, start: number): Piece {
  if (raw.indexOf(MAGIC) === 0) return unpackOneByOne(raw, start);
  return { bytes: raw, start, end: start + raw.length, packed: false, members: () => undefined, damaged: 0 };
}
