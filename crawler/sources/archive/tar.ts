import type { Input } from "../input.ts";

const BLOCK = 512;
const HEADERS = 65_536;

/** A member of a tar file: its name, and where its bytes lie. */
export interface TarMember {
  name: string;
  /** Where its header begins; from there a tar file can be read again. */
  start: number;
  offset: number;
  bytes: number;
}

/**
 * The ordinary members of a tar file (POSIX ustar and pax, GNU long names) from byte `from` on, without reading what
 * they hold.
 * @throws Error naming the file and the byte where it is no tar, or ends early.
 */
export async function* tarMembers(input: Input, from: number): AsyncGenerator<TarMember> {
  const size = await input.size();
  let held: Buffer = Buffer.alloc(0);
  let heldAt = 0;
  const at = async (start: number, length: number) => {
    if (start + length > size) throw new Error(`${input.name}: cut short at byte ${size}`);
    if (start < heldAt || start + length > heldAt + held.length) {
      held = await input.read(start, Math.min(start + Math.max(length, HEADERS), size));
      heldAt = start;
    }
    return held.subarray(start - heldAt, start - heldAt + length);
  };
  let longName: string | undefined;
  let longSize: number | undefined;
  let start = from;
  for (let position = from; position + BLOCK <= size; ) {
    const header = await at(position, BLOCK);
    if (header.every((byte) => byte === 0)) return;
    if (!checksumHolds(header)) throw new Error(`${input.name}: ${whatElse(header)} at byte ${position}`);
    const own = numberAt(header, 124, 12);
    const type = header.toString("latin1", 156, 157);
    const bytes = type === "x" || type === "L" ? own : (longSize ?? own);
    const offset = position + BLOCK;
    if (!(bytes >= 0 && offset + bytes <= size)) throw new Error(`${input.name}: cut short at byte ${size}`);
    position = offset + Math.ceil(bytes / BLOCK) * BLOCK;
    if (type === "L") longName = textOf(await at(offset, bytes));
    else if (type === "x") {
      const fields = paxFields(await at(offset, bytes));
      longName = fields.get("path") ?? longName;
      longSize = fields.has("size") ? Number(fields.get("size")) : undefined;
    } else {
      if (type === "0" || type === "\0") yield { name: longName ?? nameOf(header), start, offset, bytes };
      longName = longSize = undefined;
      start = position;
    }
  }
}

function textOf(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString("utf8", 0, end < 0 ? bytes.length : end);
}

function nameOf(header: Buffer): string {
  const name = textOf(header.subarray(0, 100));
  const prefix = header.toString("latin1", 257, 262) === "ustar" ? textOf(header.subarray(345, 500)) : "";
  return prefix ? `${prefix}/${name}` : name;
}

/** Octal digits, or big-endian bytes behind a set first bit (GNU). */
function numberAt(header: Buffer, at: number, length: number): number {
  if (((header[at] ?? 0) & 0x80) === 0)
    return Number.parseInt(textOf(header.subarray(at, at + length)).trim() || "0", 8);
  let value = (header[at] ?? 0) & 0x7f;
  for (let i = at + 1; i < at + length; i++) value = value * 256 + (header[i] ?? 0);
  return value;
}

function checksumHolds(header: Buffer): boolean {
  let sum = 0;
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 32 : (header[i] ?? 0);
  return sum === numberAt(header, 148, 8);
}

/** The fields of a pax header: "LENGTH KEY=VALUE\n" each. */
function paxFields(bytes: Buffer): Map<string, string> {
  const fields = new Map<string, string>();
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(32, at);
    const length = Number(bytes.toString("latin1", at, space));
    if (space < 0 || !(length > 0)) break;
    const [, key = "", value = ""] = /^([^=]*)=([\s\S]*)\n$/.exec(bytes.toString("utf8", space + 1, at + length)) ?? [];
    fields.set(key, value);
    at += length;
  }
  return fields;
}

/** A shard's samples are read from its middle, which packed ones do not allow. */
function whatElse(header: Buffer): string {
  const packed = header.readUInt16BE(0) === 0x1f8b || header.readUInt32LE(0) === 0xfd2fb528;
  return packed ? "a packed shard (unpack it first: gunzip, zstd -d), no tar header" : "no tar header";
}
