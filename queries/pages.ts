import type { Chunk } from "./blocks.ts";

/** One page of a dump: where its wikitext lies in {@link Pages.bytes}. */
export interface Page {
  title: string;
  /** 0 is the namespace of articles. */
  namespace: number;
  /** The title it forwards to, when it is a redirect. */
  redirect: string | undefined;
  /** False for pages that are no wikitext (JSON, CSS). */
  prose: boolean;
  start: number;
  end: number;
}

const FIRST = 1 << 22;

/**
 * Cuts the chunks of a part into pages: those whose `<page>` begins in the part. The last may end beyond it; the end of a
 * page that began before it is passed over. So every page of a file belongs to exactly one part, wherever it is cut.
 */
export class Pages {
  /** What {@link Page.start} and end refer to; changed by the next page. */
  bytes = Buffer.alloc(FIRST);
  /** Pages that began in the part and never ended: the file is cut or damaged there. */
  broken = 0;

  *read(chunks: Iterable<Chunk | undefined>): Generator<Page> {
    let length = 0;
    let cursor = 0;
    let own = Number.POSITIVE_INFINITY;
    for (const chunk of chunks) {
      if (chunk === undefined) {
        // Text is missing from here on: the page it was in cannot be used.
        if (this.bytes.subarray(0, length).indexOf("<page>", cursor) >= 0) this.broken++;
        length = 0;
        cursor = 0;
        if (own !== Number.POSITIVE_INFINITY) return;
        continue;
      }
      if (chunk.beyond && own === Number.POSITIVE_INFINITY) own = length;
      if (cursor > 0 && length + chunk.text.length > this.bytes.length) {
        this.bytes.copyWithin(0, cursor, length);
        length -= cursor;
        own -= cursor;
        cursor = 0;
      }
      if (length + chunk.text.length > this.bytes.length) {
        const bigger = Buffer.alloc((length + chunk.text.length) * 2);
        this.bytes.copy(bigger, 0, 0, length);
        this.bytes = bigger;
      }
      this.bytes.set(chunk.text, length);
      length += chunk.text.length;
      for (;;) {
        const text = this.bytes.subarray(0, length);
        const start = text.indexOf("<page>", cursor);
        if (start < 0) {
          cursor = Math.max(cursor, length - 5);
          if (cursor >= own) return;
          break;
        }
        if (start >= own) return;
        cursor = start;
        const end = text.indexOf("</page>", start);
        if (end < 0) break;
        const page = parsePage(text, start, end);
        if (page) yield page;
        cursor = end + 7;
      }
    }
    if (this.bytes.subarray(0, length).indexOf("<page>", cursor) >= 0) this.broken++;
  }
}

function parsePage(bytes: Buffer, start: number, end: number): Page | undefined {
  const text = bytes.indexOf("<text", start);
  const headEnd = text < 0 || text > end ? end : text;
  // One character a byte, so places in it are places in `bytes`.
  const head = bytes.toString("latin1", start, headEnd);
  /** What stands between two marks, decoded. */
  const inside = (before: string, after: string): string | undefined => {
    const from = head.indexOf(before);
    const to = from < 0 ? -1 : head.indexOf(after, from + before.length);
    return to < 0 ? undefined : unescapeXml(bytes.toString("utf8", start + from + before.length, start + to));
  };
  const title = inside("<title>", "</title>");
  if (title === undefined) return undefined;
  const model = inside("<model>", "<");
  const page: Page = {
    title,
    namespace: Number(inside("<ns>", "<") ?? 0),
    redirect: inside('<redirect title="', '"'),
    prose: model === undefined || model === "wikitext",
    start: end,
    end,
  };
  if (headEnd === end) return page;
  const open = bytes.indexOf(62, text);
  if (open < 0 || open > end || bytes[open - 1] === 0x2f) return page;
  const close = bytes.indexOf("</text>", open);
  if (close < 0 || close > end) return page;
  page.start = open + 1;
  page.end = close;
  return page;
}

const XML: Record<string, string> = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&amp;": "&", "&#039;": "'" };

function unescapeXml(text: string): string {
  return text.includes("&") ? text.replace(/&(?:lt|gt|quot|amp|#039);/g, (entity) => XML[entity] ?? entity) : text;
}

/** What a dump says about its wiki, in front of the first page. */
export interface SiteInfo {
  /** "en"; undefined when the dump does not say. */
  language: string | undefined;
  /** Names of all namespaces but the articles', in the wiki's language. */
  namespaces: string[];
  files: string[];
  categories: string[];
  mainPage: string | undefined;
}

/** Reads the head of a dump from its first chunk; what a file without one lacks has English names. */
export function readSiteInfo(head: Uint8Array): SiteInfo {
  const text = Buffer.from(head.buffer, head.byteOffset, head.length).toString(
    "utf8",
    0,
    Math.min(head.length, 1 << 16),
  );
  const info: SiteInfo = { language: undefined, namespaces: [], files: [], categories: [], mainPage: undefined };
  info.language = /<mediawiki[^>]*\sxml:lang="([^"]+)"/.exec(text)?.[1];
  const base = /<base>[^<]*\/([^</]+)<\/base>/.exec(text)?.[1];
  if (base !== undefined) info.mainPage = decodeTitle(base);
  for (const [, key = "", name = ""] of text.matchAll(/<namespace key="(-?\d+)"[^>/]*>([^<]+)</g)) {
    info.namespaces.push(unescapeXml(name));
    if (key === "6") info.files.push(unescapeXml(name));
    if (key === "14") info.categories.push(unescapeXml(name));
  }
  if (info.namespaces.length === 0) info.namespaces = ENGLISH_NAMESPACES;
  return info;
}

/** Of English Wikipedia: for page views without a dump, and for dumps without a head. */
export const ENGLISH_NAMESPACES = [
  ...["Media", "Special", "Talk", "User", "Wikipedia", "File", "MediaWiki", "Template", "Help", "Category", "Portal"],
  ...["Draft", "TimedText", "Module", "Book", "Topic"],
  ...["User talk", "Wikipedia talk", "File talk", "Template talk", "Help talk", "Category talk", "Portal talk"],
  ...["MediaWiki talk", "Draft talk", "Module talk", "Image", "WP", "WT", "Project"],
];

/** A title as it stands in an address or a page-view file: escapes decoded, spaces for underscores; undefined when malformed. */
export function decodeTitle(text: string): string | undefined {
  try {
    const decoded = text.includes("%") ? decodeURIComponent(text) : text;
    return decoded.replaceAll("_", " ").normalize("NFC").trim();
  } catch {
    return undefined;
  }
}
