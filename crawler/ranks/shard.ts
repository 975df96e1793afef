import { join } from "node:path";
import { byPlace, placeOf, type SampleRow, type WrittenShard, writeShard } from "../../store/shards.ts";
import { PlaceReader } from "../../store/spool.ts";
import { settledIn } from "./choose.ts";
import { packRows, unpackRows } from "./chunks.ts";
import type { Work } from "./context.ts";
import { resultsOf } from "./names.ts";
import type { PackStarts } from "./pack.ts";
import { termsOf } from "./shared.ts";
import type { StageResult } from "./stage.ts";

/** What a rank packed: the names of its files, and where each shard's stretches of them begin. */
interface Packed {
  rows: string;
  pictures: string;
  starts: PackStarts;
}

/**
 * Writes the shards whose number belongs to this rank, straight under their final names: their bytes depend on nothing but
 * the set. Publishes where each pair's picture lies now.
 */
export async function shardRank(work: Work, rounds: number): Promise<StageResult> {
  const { store, context } = work;
  const { shards } = await settledIn(work.store, rounds);
  const written: WrittenShard[] = [];
  if (work.rank < shards.length) {
    const terms = await termsOf(work);
    const packed: Packed[] = [];
    for (const rank of work.ranks) packed.push(await packedBy(work, rank));
    for (let number = work.rank; number < shards.length; number += work.world) {
      work.checkStop();
      const folder = work.emptyFolder("shard");
      const shard = await oneShard(work, folder, number, packed, (query) => terms[query] ?? "");
      for (const ending of ["tar", "parquet"]) {
        const file = `${shard.shard}.${ending}`;
        await store.put(`shards/${file}`, { file: join(folder, file), final: true });
      }
      written.push(shard);
      context.progress(written.length);
    }
  }
  await work.put("shards.bin", packRows(written));
  work.remove("shard");
  return work.result(written.length);
}

async function packedBy({ store }: Work, rank: number): Promise<Packed> {
  const name = await resultsOf(store, "pack", rank);
  const starts: PackStarts = JSON.parse((await store.get(name("starts.json"))).toString("utf8"));
  return { rows: name("rows.bin"), pictures: name("pictures.bin"), starts };
}

async function oneShard(
  work: Work,
  folder: string,
  number: number,
  packed: readonly Packed[],
  term: (query: number) => string,
): Promise<WrittenShard> {
  const { store } = work;
  const { seed } = work.plan.settings;
  const waiting: { id: string; place: number; row: SampleRow }[] = [];
  for (const [rank, { rows, pictures, starts }] of packed.entries()) {
    const range = stretch(starts.pictures, number);
    if (range.end <= range.start) continue;
    const part = await store.fetchRange(pictures, range, join(folder, `pictures-${rank}.bin`));
    for await (const some of unpackRows<SampleRow>(store.read(rows, stretch(starts.rows, number))))
      for (const row of some) {
        const offset = part.offset + row.offset - range.start;
        waiting.push({ id: row.id, place: placeOf(seed, row.id), row: { ...row, file: part.file, offset } });
      }
  }
  const reader = new PlaceReader(folder);
  const samples = function* () {
    for (const { row } of waiting.sort(byPlace)) yield { row, image: reader.read(row) };
  };
  try {
    return writeShard(folder, number, samples(), term);
  } finally {
    reader.close();
  }
}

function stretch(starts: readonly number[], number: number): { start: number; end: number } {
  const [start = 0, end = 0] = starts.slice(number, number + 2);
  return { start, end };
}
