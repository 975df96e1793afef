import zlib from "node:zlib";
import { latin1 } from "./text.ts";

/** A stored HTTP response. */
export interface HttpResponse {
  status: number;
  /** Lower-case names; the last of several values, but those of X-Robots-Tag joined. */
  headers: Record<string, string>;
  /** As it was sent: chunked and compressed, see {@link unpackBody}. */
  body: Buffer;
}

/** Three times what is read of a page on the web. */
const MAX_BODY = 16 * 1_048_576;

/**
 * Reads the block of a WARC response record.
 * @returns undefined when it is no HTTP response.
 */
export function parseHttpResponse(block: Buffer): HttpResponse | undefined {
  if (latin1(block, 0, Math.min(5, block.length)) !== "HTTP/") return undefined;
  const crlf = block.indexOf("\r\n\r\n");
  const lf = (crlf < 0 ? block : block.subarray(0, crlf)).indexOf("\n\n");
  const end = lf < 0 ? crlf : lf;
  if (end < 0) return undefined;
  const [first = "", ...lines] = latin1(block, 0, end).split(/\r?\n/);
  const status = Number(/^HTTP\/\S+\s+(\d{3})/.exec(first)?.[1] ?? 0);
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = name === "x-robots-tag" && headers[name] ? `${headers[name]}, ${value}` : value;
  }
  return { status, headers, body: block.subarray(end + (end === crlf ? 4 : 2)) };
}

/**
 * The body as the page's author wrote it. Crawlers that unpack bodies before they store them rename the headers that
 * would say otherwise or forget to: what does not look chunked or compressed is left as it is.
 * @throws Error when it cannot be unpacked, or is larger than any page.
 */
export function unpackBody({ headers, body: sent }: HttpResponse): Buffer {
  let body = sent;
  if (/\bchunked\b/i.test(headers["transfer-encoding"] ?? "")) body = dechunk(body) ?? body;
  const encodings = (headers["content-encoding"] ?? "").split(",").map((name) => name.trim().toLowerCase());
  for (const name of encodings.reverse()) body = decompress(body, name);
  if (body.length > MAX_BODY) throw new Error(`more than ${MAX_BODY} bytes`);
  return body;
}

/** The body of a chunked message (RFC 9112, 7.1); undefined when it is not chunked. A cut one gives what there is. */
function dechunk(body: Buffer): Buffer | undefined {
  // Into one buffer: as a list, chunks of a byte each would take a hundred times the memory.
  const joined = Buffer.allocUnsafe(body.length);
  let have = 0;
  for (let at = 0; at < body.length; ) {
    const line = body.indexOf("\r\n", at);
    const size = line < 0 || line - at > 1_000 ? undefined : /^\s*([\da-f]+)\s*(?:;|$)/i.exec(latin1(body, at, line));
    if (!size?.[1]) return at === 0 ? undefined : joined.subarray(0, have);
    const length = Number.parseInt(size[1], 16);
    if (length === 0) break;
    have += body.copy(joined, have, line + 2, line + 2 + length);
    at = line + 2 + length + 2;
  }
  return joined.subarray(0, have);
}

function decompress(body: Buffer, encoding: string): Buffer {
  const options = { maxOutputLength: MAX_BODY, finishFlush: zlib.constants.Z_SYNC_FLUSH };
  const packed = body[0] === 0x1f && body[1] === 0x8b;
  if (encoding === "gzip" || encoding === "x-gzip") return packed ? zlib.gunzipSync(body, options) : body;
  if (encoding === "deflate") {
    // zlib's wrapper, as the standard says, or the bare stream, as some servers send.
    const wrapped = ((body[0] ?? 0) & 15) === 8 && body.length > 1 && body.readUInt16BE(0) % 31 === 0;
    return wrapped ? zlib.inflateSync(body, options) : zlib.inflateRawSync(body, options);
  }
  const whole = { maxOutputLength: MAX_BODY };
  if (encoding === "br") return looksLikeText(body) ? body : zlib.brotliDecompressSync(body, whole);
  if (encoding === "zstd") return body.readUInt32LE(0) === 0xfd2fb528 ? zlib.zstdDecompressSync(body, whole) : body;
  return body;
}

/** Brotli has no mark of its own; a page begins with a tag. */
function looksLikeText(body: Buffer): boolean {
  return /^(?:\xef\xbb\xbf)?\s*<[!?a-z]/i.test(latin1(body, 0, Math.min(64, body.length)));
}
