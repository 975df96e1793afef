import type { Database } from "../../../store/database.ts";
import type { HttpClient } from "../../http.ts";
import { inputOf } from "../input.ts";
import { positionOf } from "../position.ts";
import type { Batch } from "../source.ts";
import { Tally } from "../tally.ts";
import { piecesOf } from "./members.ts";
import { RecordReader, type WarcRecord } from "./records.ts";

/** Gathers what the records of one piece of an archive give. */
export interface RecordBatch {
  readonly tally: Tally;
  add(record: WarcRecord, file: string): void;
  take(): Pick<Batch, "candidates" | "drops">;
}

/**
 * Reads an archive of WARC records (WARC, WAT), local or remote, piece by piece. A run that was killed goes on at the
 * record behind the last piece it took.
 * @param begin makes the batch of a piece.
 * @throws Error naming the file when it cannot be read.
 */
export async function* readArchive(
  db: Database,
  http: HttpClient,
  file: string,
  stop: AbortSignal,
  begin: () => RecordBatch,
): AsyncGenerator<Batch> {
  const position = positionOf(db, file);
  if (position.done) return;
  const reader = new RecordReader();
  for await (const piece of piecesOf(inputOf(file, http), position.at)) {
    const batch = begin();
    const before = reader.damaged;
    for (const record of reader.read(piece)) batch.add(record, file);
    batch.tally.add("bad_record", `${file} byte ${piece.start}`, piece.damaged + reader.damaged - before);
    const at = reader.position;
    yield { ...batch.take(), done: () => position.save(at, false) };
    if (stop.aborted) return;
  }
  const tally = new Tally();
  // What was held back to the end is a record without an end.
  tally.add("bad_record", `${file} at its end`, reader.cutOff);
  yield { candidates: [], drops: tally.drops(), done: () => position.save(reader.position, true) };
}
