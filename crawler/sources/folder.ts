import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join, relative, resolve, sep } from "node:path";
import type { Database } from "../../store/database.ts";
import type { Candidate } from "../../store/types.ts";
import { UsageError } from "../../store/usage-error.ts";
import { addMember, fileAddress, PICTURE } from "./collection.ts";
import { positionOf } from "./position.ts";
import type { Batch } from "./source.ts";
import { Tally } from "./tally.ts";

const BATCH = 1_000;

/**
 * The pictures in a folder and all below, in the order of their paths, with the text of NAME.txt or the caption in
 * NAME.json beside NAME.jpg. A run that was killed goes on behind the last picture it took; files added to a folder that was
 * read need another run in a workspace of its own.
 * @throws UsageError when there is no such folder.
 * @throws Error naming it when pictures before the last one that was taken came or went.
 */
export async function* readFolder(db: Database, folder: string, stop: AbortSignal): AsyncGenerator<Batch> {
  checkFolder(folder);
  const position = positionOf(db, folder);
  if (position.done) return;
  const root = resolve(folder);
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
  for (const file of picturesIn(root)) {
    last = relative(root, file);
    if (++taken === position.at && position.differs(last)) throw isChanged(folder, position.at);
    if (taken <= position.at) continue;
    const stem = file.replace(/\.[^.]+$/, "");
    addMember(candidates, tally, "folder", {
      address: fileAddress(basename(root), ...last.split(sep)),
      place: file,
      txt: textOf(`${stem}.txt`),
      json: textOf(`${stem}.json`),
      origin: { file: join(folder, last), picture: { file } },
    });
    if (taken % BATCH === 0) yield take(false);
    if (stop.aborted) return;
  }
  if (taken < position.at) throw isChanged(folder, position.at);
  yield take(true);
}

function isChanged(folder: string, at: number): Error {
  return new Error(
    `${folder}: pictures before number ${at}, where it was left, were added or taken away; put it back as it was, or name it otherwise, as ${folder}/., to have it read from its beginning`,
  );
}

/** @throws UsageError when there is no such folder. */
export function checkFolder(folder: string): void {
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw new UsageError(`--folder ${folder}: there is no such folder`);
}

/** Depth first, each folder's entries by name; links are not followed. */
function* picturesIn(folder: string): Generator<string> {
  const entries = readdirSync(folder, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* picturesIn(path);
    else if (entry.isFile() && PICTURE.test(entry.name)) yield path;
  }
}

/** A side file that is larger holds no caption. */
const MOST_BYTES = 16 * 1_048_576;

/** What a side file says, undefined when there is none; UTF-16, as Windows' editors write it, by its mark. */
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
