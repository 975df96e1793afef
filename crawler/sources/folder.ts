import { type Dirent, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join, relative, resolve, sep } from "node:path";
import type { Database } from "../../store/database.ts";
import type { Candidate } from "../../store/types.ts";
import { UsageError } from "../../store/usage-error.ts";
import { tellOfChange } from "./changed.ts";
import { addMember, fileAddress, PICTURE } from "./collection.ts";
import { positionOf } from "./position.ts";
import type { Batch } from "./source.ts";
import { Tally } from "./tally.ts";

const BATCH = 1_000;

/**
 * The pictures in a folder and all below, in the order of their paths, with the text of NAME.txt or the caption in
 * NAME.json beside NAME.jpg; files that are neither are counted as `not_picture`. A run that was killed goes on behind the
 * last file it took; of a folder that was read and has changed since, it is only said.
 * @throws UsageError when there is no such folder.
 * @throws Error naming it when files before the last one that was taken came or went.
 */
export async function* readFolder(db: Database, folder: string, stop: AbortSignal): AsyncGenerator<Batch> {
  checkFolder(folder);
  const position = positionOf(db, folder);
  const root = resolve(folder);
  if (position.done) {
    if (count(filesIn(root)) !== position.at) tellOfChange(folder);
    return;
  }
  let candidates: Candidate[] = [];
  let tally = new Tally();
  let taken = 0;
  let last = "";
  const take = (finished: boolean): Batch => {
    const [at, mark] = [taken, last];
    const batch = { candidates, drops: tally.drops(), done: () => position.save(at, finished, mark) };
    candidates = [];
    tally = new Tally();
    return batch;
  };
  for (const { file, txt, json } of filesIn(root)) {
    last = relative(root, file);
    if (++taken === position.at && position.differs(last)) throw isChanged(folder, position.at);
    if (taken <= position.at) continue;
    if (PICTURE.test(file))
      addMember(candidates, tally, "folder", {
        address: fileAddress(basename(root), ...last.split(sep)),
        place: file,
        txt: txt && textOf(txt),
        json: json && textOf(json),
        origin: { file: join(folder, last), picture: { file } },
      });
    else tally.add("not_picture", file);
    if (taken % BATCH === 0) yield take(false);
    if (stop.aborted) return;
  }
  if (taken < position.at) throw isChanged(folder, position.at);
  yield take(true);
}

function isChanged(folder: string, at: number): Error {
  return new Error(
    `${folder}: files before number ${at}, where it was left, were added or taken away; put it back as it was, or name it otherwise, as ${folder}/., to have it read from its beginning`,
  );
}

/** @throws UsageError when there is no such folder. */
export function checkFolder(folder: string): void {
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw new UsageError(`--folder ${folder}: there is no such folder`);
}

interface Found {
  file: string;
  /** The side files it has. */
  txt: string | undefined;
  json: string | undefined;
}

const SIDE_FILE = /\.(?:txt|json)$/i;

/** All but side files, depth first, each folder's entries by name; links to files are followed, those to folders are not. */
function* filesIn(folder: string): Generator<Found> {
  const entries = readdirSync(folder, { withFileTypes: true });
  const names = new Set(entries.map(({ name }) => name));
  // IMG_1.JPG may have IMG_1.TXT beside it.
  const beside = (stem: string, ending: string) => {
    const name = [`${stem}.${ending}`, `${stem}.${ending.toUpperCase()}`].find((name) => names.has(name));
    return name && join(folder, name);
  };
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const file = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesIn(file);
    else if (!SIDE_FILE.test(entry.name) && isFile(entry, file)) {
      const stem = entry.name.replace(/\.[^.]+$/, "");
      yield { file, txt: beside(stem, "txt"), json: beside(stem, "json") };
    }
  }
}

function count(things: Iterable<unknown>): number {
  let n = 0;
  for (const _ of things) n++;
  return n;
}

function isFile(entry: Dirent, path: string): boolean {
  return entry.isFile() || (entry.isSymbolicLink() && statSync(path, { throwIfNoEntry: false })?.isFile() === true);
}

/** A side file that is larger holds no caption. */
const MOST_BYTES = 16 * 1_048_576;

/** What a side file says; UTF-16, as Windows' editors write it, by its mark. */
function textOf(file: string): string | undefined {
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found?.isFile()) return undefined;
  // As JSON it is counted as a bad record, as text it is none.
  if (found.size > MOST_BYTES) return "";
  const bytes = readFileSync(file);
  const mark = bytes.length < 2 ? 0 : bytes.readUInt16BE(0);
  const encoding = mark === 0xfffe ? "utf-16le" : mark === 0xfeff ? "utf-16be" : "utf-8";
  return new TextDecoder(encoding).decode(bytes);
}
