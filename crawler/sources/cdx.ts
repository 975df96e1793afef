import type { Database } from "../../store/database.ts";
import type { HttpClient } from "../http.ts";
import { MAX_MEMBER, unpackRecord } from "./archive/members.ts";
import { RecordReader } from "./archive/records.ts";
import { anotherFile, inputOf, linesOf } from "./input.ts";
import { positionOf } from "./position.ts";
import type { Batch } from "./source.ts";
import { Trail } from "./trail.ts";
import { PageBatch } from "./warc.ts";

/** Where archives lie that an index or a list of paths names without a host. */
export const COMMON_CRAWL = "https://data.commoncrawl.org/";

interface Entry {
  filename: string;
  offset: number;
  length: number;
}

/** Lines that are fetched at the same time: Common Crawl asks for restraint with ranges. */
const AT_ONCE = 2;

/**
 * The pairs on the pages that a CDX index names (CDXJ lines, or JSON objects as Common Crawl's index server answers):
 * of each line only its own record is read. A run that was killed goes on behind the last line it took.
 * @param base folder or address that the file names in the index are relative to.
 * @throws Error naming the file when it cannot be read.
 */
export async function* readCdx(
  db: Database,
  http: HttpClient,
  file: string,
  base: string,
  agent: string,
  stop: AbortSignal,
): AsyncGenerator<Batch> {
  const position = positionOf(db, file);
  if (position.done) return;
  let line = 0;
  const trail = new Trail();
  const waiting: { line: number; mark: string; pages: Promise<PageBatch> }[] = [];
  const take = async (): Promise<Batch> => {
    const first = waiting.shift();
    const at = first?.line ?? line;
    const { candidates, drops } = (await first?.pages)?.take() ?? { candidates: [], drops: [] };
    return { candidates, drops, done: () => position.save(at, false, first?.mark) };
  };
  for await (const text of linesOf(inputOf(file, http))) {
    trail.push(text);
    if (++line === position.at && position.differs(trail.mark))
      throw anotherFile(file, `the lines before line ${line}, where it was left, are not those that were read`);
    if (line <= position.at || text.trim() === "") continue;
    const pages = readEntry(http, parseEntry(text), base, agent, `${file}:${line}`);
    // A failure surfaces when its turn comes.
    pages.catch(() => {});
    waiting.push({ line, mark: trail.mark, pages });
    if (waiting.length >= AT_ONCE) yield await take();
    if (stop.aborted) return;
  }
  if (line < position.at) throw anotherFile(file, `it ends before line ${position.at}, where it was left`);
  while (waiting.length > 0) yield await take();
  yield { candidates: [], drops: [], done: () => position.save(line, true) };
}

/** A line of an index; undefined when it names no record, or one longer than any page's: it would be held as a whole. */
export function parseEntry(line: string): Entry | undefined {
  try {
    const { filename, offset, length } = JSON.parse(line.slice(line.indexOf("{")));
    const entry = { filename: String(filename), offset: Number(offset), length: Number(length) };
    return filename && Number.isSafeInteger(entry.offset) && entry.length > 0 && entry.length <= MAX_MEMBER
      ? entry
      : undefined;
  } catch {
    return undefined;
  }
}

async function readEntry(
  http: HttpClient,
  entry: Entry | undefined,
  base: string,
  agent: string,
  place: string,
): Promise<PageBatch> {
  const batch = new PageBatch(agent);
  if (!entry) {
    batch.tally.add("bad_row", place);
    return batch;
  }
  const { filename, offset, length } = entry;
  const name = archiveName(filename, base);
  const reader = new RecordReader();
  for (const piece of unpackRecord(await inputOf(name, http).read(offset, offset + length), offset)) {
    for (const record of reader.read(piece)) batch.add(record, filename);
    batch.tally.add("bad_record", place, piece.damaged);
  }
  batch.tally.add("bad_record", place, reader.damaged);
  return batch;
}

/** The full name of an archive that an index or a list of paths names. */
export function archiveName(name: string, base: string): string {
  if (/^(?:https?|s3):\/\//i.test(name) || name.startsWith("/")) return name;
  return base.endsWith("/") ? base + name : `${base}/${name}`;
}
