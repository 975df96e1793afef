import { cleanCaption } from "../../filters/caption/clean.ts";
import type { Database } from "../../store/database.ts";
import { normaliseUrl, resolver } from "../../store/pair-id.ts";
import type { Candidate, Origin } from "../../store/types.ts";
import type { HttpClient } from "../http.ts";
import { ofUsualLength } from "../links.ts";
import { readArchive } from "./archive/read-archive.ts";
import { fieldOf, type WarcRecord } from "./archive/records.ts";
import { type WatPage, WatScanner } from "./archive/wat-scan.ts";
import type { Batch, EarlyDrop } from "./source.ts";
import { Tally } from "./tally.ts";

/**
 * The images with alt or title of a Common Crawl WAT file, local or remote. Addresses are resolved against the page's
 * base: in two of five they are relative. A run that was killed goes on at the member behind the last piece it took.
 * @throws Error naming the file when it cannot be read.
 */
export function readWat(
  db: Database,
  http: HttpClient,
  file: string,
  agent: string,
  stop: AbortSignal,
): AsyncGenerator<Batch> {
  return readArchive(db, http, file, stop, () => new WatBatch(file, agent));
}

/** What the records of one piece give. */
class WatBatch {
  readonly tally = new Tally();
  readonly #file: string;
  readonly #agent: string;
  readonly #candidates: Candidate[] = [];
  #scanner: WatScanner | undefined;
  #scanned: Buffer | undefined;
  /** The last page, for the record that tells its language. */
  #last: { uri: string; origin: Origin } | undefined;

  constructor(file: string, agent: string) {
    this.#file = file;
    this.#agent = agent;
  }

  take(): { candidates: Candidate[]; drops: EarlyDrop[] } {
    return { candidates: this.#candidates, drops: this.tally.drops() };
  }

  add(record: WarcRecord): void {
    const { bytes, header, from, to, offset } = record;
    if (this.#scanned !== bytes) {
      this.#scanned = bytes;
      this.#scanner = new WatScanner(bytes, this.#agent);
    }
    if (this.#last && fieldOf(header, "WARC-Target-URI") === this.#last.uri) this.#readLanguage(bytes, from, to);
    let page: WatPage | undefined;
    try {
      if (isCut(bytes, from, to)) throw new SyntaxError("JSON without an end");
      page = this.#scanner?.page(from, to);
    } catch {
      this.tally.add("bad_record", `${this.#file} byte ${offset}`, 1);
      return;
    }
    const uri = page && fieldOf(header, "WARC-Target-URI");
    if (!page || uri === undefined) return;
    // One for all candidates of the page.
    const origin: Origin = { file: this.#file, offset };
    const date = fieldOf(header, "WARC-Date");
    if (date) origin.date = date;
    this.#last = { uri, origin };
    this.#addPage(page, uri, origin);
  }

  #addPage(page: WatPage, uri: string, origin: Origin): void {
    const resolve = resolver(page.base === undefined ? uri : (ofUsualLength(URL.parse(page.base, uri)?.href) ?? uri));
    const ofPage: Pick<Candidate, "source" | "pageUrl" | "licence" | "optOut" | "origin"> = { source: "wat", origin };
    const pageUrl = normaliseUrl(uri);
    if (pageUrl) ofPage.pageUrl = pageUrl;
    const licence = page.licence === undefined ? undefined : ofUsualLength(resolve(page.licence));
    if (licence) ofPage.licence = licence;
    if (page.optOut.length > 0) ofPage.optOut = page.optOut;
    if (page.language) origin.language = page.language;
    for (const { url, alt, title } of page.images) {
      const imageUrl = resolve(url);
      if (!imageUrl) {
        this.tally.add("bad_url", url.slice(0, 200), 1);
        continue;
      }
      const first = alt ? cleanCaption(alt) : "";
      const second = title ? cleanCaption(title) : "";
      if (first === "" && second === "") this.tally.add("no_text", imageUrl, 1);
      // What is copied stands first: V8 clones it whole then, instead of field by field.
      if (first !== "") this.#candidates.push({ ...ofPage, imageUrl, caption: first, kind: "alt" });
      if (second !== "" && second !== first)
        this.#candidates.push({ ...ofPage, imageUrl, caption: second, kind: "title" });
    }
  }

  /** Common Crawl's own guess follows a page in a record of its own; it is better than what servers say. */
  #readLanguage(bytes: Buffer, from: number, to: number): void {
    const record = bytes.subarray(from, to);
    const at = record.indexOf("languages-cld2");
    if (at < 0) return;
    const language = /\\"code\\":\\"([a-z-]{2,10})\\"/.exec(record.toString("latin1", at, at + 400))?.[1];
    if (!language) return;
    if (this.#last) this.#last.origin.language = language;
    this.#last = undefined;
  }
}

/** Whether a block begins as JSON and does not end as such. */
function isCut(bytes: Buffer, from: number, to: number): boolean {
  let last = to - 1;
  while (last > from && (bytes[last] as number) <= 0x20) last--;
  return bytes[from] === 0x7b && bytes[last] !== 0x7d;
}
