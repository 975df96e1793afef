import { isUtf8 } from "node:buffer";

/** How far a meta element that names the charset may stand from the beginning (the HTML standard asks for 1,024 bytes). */
const META_WITHIN = 4_096;
/** Of the characters beyond ASCII so many may be broken before the label is not believed. */
const BROKEN_SHARE = 0.1;

/** The text of a page, see {@link charsetOf}. Never throws. */
export function decodePage(body: Uint8Array, label: string | undefined): string {
  return decode(body, charsetOf(body, label));
}

/**
 * How a page is to be read: a byte order mark decides, then the Content-Type header's label, then meta (HTML standard,
 * 13.2.3), else UTF-16 when every other byte is zero, UTF-8 otherwise. What should be UTF-8 and mostly is not is read as
 * meta says, or as windows-1252.
 * @param label the charset parameter of the Content-Type header, if any.
 */
export function charsetOf(body: Uint8Array, label: string | undefined): string {
  const bom = byteOrderMark(body);
  if (bom) return bom;
  const charset = known(label) ?? metaCharset(body) ?? wide(body) ?? "utf-8";
  return charset === "utf-8" && !isUtf8(body) ? believed(body, metaCharset(body)) : charset;
}

function decode(body: Uint8Array, charset: string): string {
  return new TextDecoder(charset).decode(body);
}

function byteOrderMark([a, b, c]: Uint8Array): string | undefined {
  if (a === 0xef && b === 0xbb && c === 0xbf) return "utf-8";
  if (a === 0xff && b === 0xfe) return "utf-16le";
  return a === 0xfe && b === 0xff ? "utf-16be" : undefined;
}

/** The standard's name for a label, or undefined when nobody knows it. */
function known(label: string | undefined): string | undefined {
  if (!label) return undefined;
  try {
    return new TextDecoder(label.trim()).encoding;
  } catch {
    return undefined;
  }
}

function metaCharset(body: Uint8Array): string | undefined {
  const head = Buffer.from(body.buffer, body.byteOffset, Math.min(body.length, META_WITHIN)).toString("latin1");
  const [, label] = /<meta\b[^>]{0,500}?charset\s*=\s*["']?\s*([\w:.+-]+)/i.exec(head) ?? [];
  const charset = known(label);
  // What could be read as ASCII so far is no UTF-16 (13.2.3.2).
  return charset?.startsWith("utf-16") ? "utf-8" : charset;
}

/** UTF-16 without a mark: "<" and what follows, a byte each, with zeros between. */
function wide([a, b, c, d]: Uint8Array): string | undefined {
  if (a !== 0 && b === 0 && c !== 0 && d === 0) return "utf-16le";
  return a === 0 && b !== 0 && c === 0 && d !== 0 ? "utf-16be" : undefined;
}

/** A stray byte is no reason to misread a whole page; a page full of them is. */
function believed(body: Uint8Array, meta: string | undefined): string {
  const text = decode(body, "utf-8");
  const beyondAscii = text.match(/[^\0-\x7f]/gu)?.length ?? 0;
  const broken = text.match(/\ufffd/g)?.length ?? 0;
  if (broken < beyondAscii * BROKEN_SHARE) return "utf-8";
  return meta !== undefined && meta !== "utf-8" ? meta : "windows-1252";
}
