import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { byPlace, placeOf, type SampleRow, type WrittenShard, writeShard } from "../../store/shards.ts";
import { PlaceReader } from "../../store/spool.ts";
import { settledIn } from "./choose.ts";
import { packRows } from "./chunks.ts";
import type { Work } from "./context.ts";
import { resultOf } from "./names.ts";
import { SAMPLE_HEAD } from "./pack.ts";
import { termsOf } from "./shared.ts";
import type { StageResult } from "./stage.ts";

/** A sample of a shard before it is written; its picture lies in the file of all of them. */
interface Waiting {
  id: string;
  place: number;
  row: SampleRow;
  offset: number;
}

/**
 * Writes the shards whose number belongs to this rank, straight under their final names: their bytes depend on nothing but
 * the set. Publishes where each pair's picture lies now.
 */
export async function shardRank(work: Work, rounds: number): Promise<StageResult> {
  const { store, context } = work;
  const { shards } = await settledIn(work.store, rounds);
  const terms = await termsOf(work);
  const folder = work.emptyFolder("shard");
  const sources: { name: string; starts: number[] }[] = [];
  for (const rank of work.ranks) {
    const starts = (await store.get(await resultOf(store, "pack", rank, "starts.json"))).toString("utf8");
    sources.push({ name: await resultOf(store, "pack", rank, "samples.bin"), starts: JSON.parse(starts) });
  }
  const written: WrittenShard[] = [];
  for (let number = work.rank; number < shards.length; number += work.world) {
    work.checkStop();
    const shard = await oneShard(work, folder, number, sources, (query) => terms[query] ?? "");
    for (const ending of ["tar", "parquet"]) {
      const file = `${shard.shard}.${ending}`;
      await store.put(`shards/${file}`, { file: join(folder, file), final: true });
    }
    written.push(shard);
    context.progress(written.length);
  }
  await work.put("shards.bin", packRows(written));
  work.remove("shard");
  return work.result(written.length);
}

async function oneShard(
  work: Work,
  folder: string,
  number: number,
  sources: readonly { name: string; starts: number[] }[],
  term: (query: number) => string,
): Promise<WrittenShard> {
  const { seed } = work.plan.settings;
  const waiting: Waiting[] = [];
  const all = openSync(join(folder, "samples.bin"), "w");
  let end = 0;
  for (const { name, starts } of sources) {
    const [start = 0, stop = 0] = starts.slice(number, number + 2);
    if (stop <= start) continue;
    let rest: Buffer = Buffer.alloc(0);
    for await (const bytes of work.store.read(name, { start, end: stop })) {
      rest = Buffer.concat([rest, bytes]);
      let at = 0;
      for (; rest.length - at >= SAMPLE_HEAD; ) {
        const text = at + SAMPLE_HEAD;
        const picture = text + rest.readUInt32LE(at);
        const next = picture + rest.readUInt32LE(at + 4);
        if (next > rest.length) break;
        const row: SampleRow = JSON.parse(rest.toString("utf8", text, picture));
        waiting.push({ id: row.id, place: placeOf(seed, row.id), row, offset: end });
        writeSync(all, rest.subarray(picture, next));
        end += next - picture;
        at = next;
      }
      rest = rest.subarray(at);
    }
    if (rest.length > 0) throw new Error(`${work.store.url(name)}: the samples of shard ${number} end within one`);
  }
  closeSync(all);
  const reader = new PlaceReader(folder);
  const samples = function* () {
    for (const { row, offset } of waiting.sort(byPlace))
      yield { row, image: reader.read({ file: "samples.bin", offset, bytes: row.bytes }) };
  };
  try {
    return writeShard(folder, number, samples(), term);
  } finally {
    reader.close();
  }
}
