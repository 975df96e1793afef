import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { threadId } from "node:worker_threads";
import { bzip2Chunks, type Damage, plainChunks } from "./blocks.ts";
import { Pages, type SiteInfo } from "./pages.ts";
import type { Case } from "./terms.ts";
import { Tokenizer } from "./tokens.ts";
import { Prose } from "./wikitext.ts";

/** A stretch of a dump that one worker reads in one go, and that is not read again once done. */
export interface Part {
  file: string;
  bzip2: boolean;
  /** Bytes of the file as it lies on disk. */
  from: number;
  to: number;
  /** Where its results go: NNNN.ids, NNNN.words, NNNN.titles, and last NNNN.json. */
  folder: string;
  name: string;
  site: SiteInfo;
  case: Case;
}

/** What was found in a part; written last, so its presence means that the part is done. */
export interface PartStats {
  /** Bytes of XML. */
  xml: number;
  articles: number;
  redirects: number;
  /** Pages of other namespaces, or that are no wikitext. */
  others: number;
  broken: number;
  tokens: number;
  damages: Damage[];
}

/** Nothing found yet. */
export function noStats(): PartStats {
  return { xml: 0, articles: 0, redirects: 0, others: 0, broken: 0, tokens: 0, damages: [] };
}

/** Names of a part's results. */
export function partFiles(part: Pick<Part, "folder" | "name">) {
  const path = (kind: string) => join(part.folder, `${part.name}.${kind}`);
  return { ids: path("ids"), words: path("words"), titles: path("titles"), stats: path("json") };
}

/** The results of a part that was read before; undefined when it must be read. */
export function doneStats(part: Part): PartStats | undefined {
  try {
    return JSON.parse(readFileSync(partFiles(part).stats, "utf8"));
  } catch {
    return undefined;
  }
}

const STREAM_FLUSH = 1 << 18;
const [TAB, LF] = [9, 10] as const;

/** Reads parts one after the other, reusing its tables. */
export class PartReader {
  #tokenizer: Tokenizer | undefined;
  #case: Case | undefined;

  /** Reads a part, writes its results, and returns what was found. */
  read(part: Part): PartStats {
    if (this.#case !== part.case) this.#tokenizer = undefined;
    this.#case = part.case;
    this.#tokenizer ??= new Tokenizer(part.case);
    const tokenizer = this.#tokenizer;
    tokenizer.clear();
    const found: PartStats = noStats();
    const prose = new Prose(part.site, part.case);
    const pages = new Pages();
    const titles: string[] = [];
    const final = partFiles(part);
    // Two machines may be at the same part: each writes under names of its own, and both find the same.
    const own = `.${hostname()}.${process.pid}.${threadId}.tmp`;
    const files = {
      ids: final.ids + own,
      words: final.words + own,
      titles: final.titles + own,
      stats: final.stats + own,
    };
    const ids = openSync(files.ids, "w");
    const flush = () => {
      writeAll(ids, tokenizer.stream.subarray(0, tokenizer.length));
      tokenizer.length = 0;
    };
    const chunks = part.bzip2
      ? bzip2Chunks(part.file, part.from, part.to, (damage) => found.damages.push(damage))
      : plainChunks(part.file, part.from, part.to);
    const counted = (function* () {
      for (const chunk of chunks) {
        if (chunk && !chunk.beyond) found.xml += chunk.text.length;
        yield chunk;
      }
    })();
    for (const page of pages.read(counted)) {
      if (page.namespace !== 0 || !page.prose) {
        found.others++;
        continue;
      }
      if (page.redirect !== undefined) {
        found.redirects++;
        titles.push(`${page.title}\t${page.redirect}\n`);
        continue;
      }
      found.articles++;
      titles.push(`${page.title}\n`);
      prose.read(pages.bytes, page.start, page.end);
      tokenizer.read(prose.text, prose.length);
      if (tokenizer.length >= STREAM_FLUSH) flush();
    }
    flush();
    fsyncSync(ids);
    closeSync(ids);
    found.broken = pages.broken;
    found.tokens = tokenizer.tokens;
    writeWords(files.words, tokenizer);
    writeFileSync(files.titles, titles.join(""), { flush: true });
    writeFileSync(files.stats, JSON.stringify(found), { flush: true });
    // The statistics last: they say that all is there.
    for (const kind of ["ids", "words", "titles", "stats"] as const) renameSync(files[kind], final[kind]);
    return found;
  }
}

/** A line `word <tab> count` for each id, in their order; tokens that are no words have count 0. */
function writeWords(file: string, tokenizer: Tokenizer): void {
  const { table } = tokenizer;
  const fd = openSync(file, "w");
  let buffer = Buffer.alloc(1 << 20);
  let length = 0;
  for (let id = 0; id < table.size; id++) {
    const room = table.length(id) + 24;
    if (length + room > buffer.length) {
      writeAll(fd, buffer.subarray(0, length));
      length = 0;
      if (room > buffer.length) buffer = Buffer.alloc(room * 2);
    }
    length = table.copy(id, buffer, length);
    buffer[length++] = TAB;
    length = putDecimal(buffer, length, Math.max(0, table.counts[id] as number));
    buffer[length++] = LF;
  }
  writeAll(fd, buffer.subarray(0, length));
  fsyncSync(fd);
  closeSync(fd);
}

function putDecimal(out: Uint8Array, length: number, value: number): number {
  let digits = 1;
  for (let limit = 10; value >= limit; limit *= 10) digits++;
  let rest = value;
  for (let at = length + digits - 1; at >= length; at--) {
    const tenth = Math.floor(rest / 10);
    out[at] = 48 + rest - tenth * 10;
    rest = tenth;
  }
  return length + digits;
}

function writeAll(fd: number, view: ArrayBufferView): void {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}
