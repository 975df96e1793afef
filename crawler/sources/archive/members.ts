import zlib from "node:zlib";
import { anotherFile, type Input, pathOf } from "../input.ts";
import { Inflater } from "./inflate.ts";
import { RecordReader } from "./records.ts";

/** Bytes of the file that are unpacked in one go; pieces end where members do, so they are a little shorter. */
const WINDOW = 262_144;
/** A member that is longer is passed over: a video, or the whole archive in one. */
export const MAX_MEMBER = 32 * 1_048_576;
/** A piece that inflates to more is taken apart, a member that does is damaged: no page's record has so much. */
const MAX_INFLATED = 64 * 1_048_576;
/** Members of a piece that was taken apart are gathered up to this size. */
const GATHERED = 4 * 1_048_576;
const MAGIC = Buffer.from([0x1f, 0x8b, 0x08]);
/** Bytes of a member's header that are looked at. */
const MEMBER_HEADER = 9;
const EMPTY = Buffer.alloc(0);
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
  /** Members that are cut short, damaged or too large, and left out. */
  damaged: number;
}

/** Bytes of the file from one member's beginning to another's. */
interface Window {
  raw: Buffer;
  start: number;
  end: number;
  /** Whether it is a member too long to be held: `raw` is empty then. */
  passed: boolean;
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
  for await (const { raw, start, end, passed } of windowsOf(input, from)) {
    if (passed) yield { bytes: raw, start, end, packed: true, members: () => undefined, damaged: 1 };
    else yield* unpack(inflater, raw, start);
  }
}

async function* plainPieces(input: Input, from: number): AsyncGenerator<Piece> {
  let at = from;
  for await (const bytes of input.stream(from)) {
    yield { bytes, start: at, end: at + bytes.length, packed: false, members: () => undefined, damaged: 0 };
    at += bytes.length;
  }
}

/** The file in windows that begin and end with members; each is overwritten by the next. */
async function* windowsOf(input: Input, from: number): AsyncGenerator<Window> {
  let room = Buffer.allocUnsafeSlow(2 * WINDOW);
  let have = 0;
  let start = from;
  let wanted = WINDOW;
  /** Where the member begins that is being passed over. */
  let passing: number | undefined;
  // One began wherever a run can have stopped.
  let isChecked = from === 0;
  for await (const chunk of input.stream(from)) {
    if (have + chunk.length > room.length) {
      const larger = Buffer.allocUnsafeSlow(2 * (have + chunk.length));
      room.copy(larger, 0, 0, have);
      room = larger;
    }
    room.set(chunk, have);
    have += chunk.length;
    if (!isChecked && have >= MEMBER_HEADER) {
      if (firstMember(room.subarray(0, MEMBER_HEADER)) !== 0)
        throw anotherFile(input.name, `no gzip member begins at byte ${from}, where it was left`);
      isChecked = true;
    }
    let taken = 0;
    if (passing !== undefined) {
      const cut = firstMember(room.subarray(0, have));
      taken = cut < 0 ? Math.max(have - MEMBER_HEADER + 1, 0) : cut;
      start += taken;
      if (cut >= 0) {
        yield { raw: EMPTY, start: passing, end: start, passed: true };
        passing = undefined;
        wanted = WINDOW;
      }
    }
    while (passing === undefined && have - taken >= wanted) {
      const window = room.subarray(taken, taken + wanted);
      const cut = lastMember(window);
      if (cut > 0) {
        yield { raw: window.subarray(0, cut), start, end: start + cut, passed: false };
        start += cut;
        taken += cut;
        wanted = WINDOW;
      } else if (wanted < MAX_MEMBER) {
        wanted *= 2;
      } else {
        if (holdsSeveral(window))
          throw new Error(
            `${input.name}: no gzip member ends within ${MAX_MEMBER / 1_048_576} MiB: the archive is packed as a whole; unpack it and name the .warc or .wat`,
          );
        passing = start;
        start += wanted;
        taken += wanted;
        room = Buffer.from(room.subarray(taken, have));
        have -= taken;
        taken = 0;
      }
    }
    room.copyWithin(0, taken, have);
    have -= taken;
  }
  const end = start + have;
  if (passing !== undefined) yield { raw: EMPTY, start: passing, end, passed: true };
  else if (have > 0) yield { raw: room.subarray(0, have), start, end, passed: false };
}

/** Whether a member that is too long begins with a whole record and another: others hold one. */
function holdsSeveral(raw: Buffer): boolean {
  try {
    const options = { finishFlush: zlib.constants.Z_SYNC_FLUSH, maxOutputLength: MAX_INFLATED };
    const bytes = zlib.gunzipSync(raw.subarray(0, WINDOW), options);
    const piece = { bytes, start: 0, end: bytes.length, packed: false, members: () => undefined, damaged: 0 };
    const [first] = new RecordReader().read(piece);
    return first !== undefined && first.to + 8 < bytes.length;
  } catch {
    return false;
  }
}

/** Where the last member of a window begins; 0 or less when none does behind its first byte. */
function lastMember(window: Buffer): number {
  for (let at = window.lastIndexOf(MAGIC); at > 0; at = window.lastIndexOf(MAGIC, at - 1)) {
    if (isMember(window, at)) return at;
  }
  return -1;
}

/** Where the first member of some bytes begins; less than 0 when none does. */
function firstMember(bytes: Buffer): number {
  for (let at = bytes.indexOf(MAGIC); at >= 0; at = bytes.indexOf(MAGIC, at + 1)) {
    if (isMember(bytes, at)) return at;
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

function* unpack(inflater: Inflater, raw: Buffer, start: number): Generator<Piece> {
  let bytes: Buffer;
  try {
    bytes = inflater.gunzip(raw);
  } catch {
    yield* unpackOneByOne(inflater, raw, start);
    return;
  }
  const members = (count: number) => {
    // Nearly all writers give every member the same ten bytes, which are found faster than the three that must be there.
    const quick = marksOf(raw, raw.subarray(0, 10));
    const marks = quick.length === count ? quick : membersOf(raw);
    return marks.length === count ? marks.map((at) => start + at) : undefined;
  };
  yield { bytes, start, end: start + raw.length, packed: true, members, damaged: 0 };
}

/** Member by member, leaving out those that cannot be unpacked; a large one is a piece of its own. */
function* unpackOneByOne(inflater: Inflater, raw: Buffer, start: number): Generator<Piece> {
  const marks = membersOf(raw);
  let gathered: Buffer[] = [];
  let members: number[] = [];
  let size = 0;
  let from = start;
  let damaged = marks[0] === 0 ? 0 : 1;
  const piece = (bytes: Buffer, places: number[], end: number): Piece => {
    const made: Piece = {
      bytes,
      start: from,
      end,
      packed: true,
      members: (count) => (places.length === count ? places : undefined),
      damaged,
    };
    from = end;
    damaged = 0;
    return made;
  };
  const take = (end: number): Piece => {
    const taken = piece(Buffer.concat(gathered), members, end);
    [gathered, members, size] = [[], [], 0];
    return taken;
  };
  for (let i = 0; i < marks.length; ) {
    const at = start + (marks[i] ?? 0);
    let member: Buffer | undefined;
    let last = i + 1;
    for (; last <= marks.length && last <= i + MARKS_TRIED; last++) {
      member = tryGunzip(inflater, raw.subarray(marks[i], marks[last] ?? raw.length));
      if (member) break;
    }
    if (!member) {
      damaged++;
      i++;
      continue;
    }
    if (size > 0 && size + member.length > GATHERED) yield take(at);
    i = last;
    if (member.length > GATHERED) {
      yield piece(member, [at], start + (marks[i] ?? raw.length));
      continue;
    }
    // The next call of the inflater overwrites it.
    gathered.push(Buffer.from(member));
    members.push(at);
    size += member.length;
  }
  if (from < start + raw.length) yield take(start + raw.length);
}

function tryGunzip(inflater: Inflater, member: Buffer): Buffer | undefined {
  try {
    return inflater.gunzip(member);
  } catch {
    return undefined;
  }
}

/** One record's bytes, packed or not, as pieces. */
export function* unpackRecord(raw: Buffer, start: number): Generator<Piece> {
  if (raw.indexOf(MAGIC) === 0) yield* unpackOneByOne(new Inflater(MAX_INFLATED), raw, start);
  else yield { bytes: raw, start, end: start + raw.length, packed: false, members: () => undefined, damaged: 0 };
}
