import { join } from "node:path";
import { chooseMatches, isChosen } from "../../filters/cap.ts";
import { hashColumns } from "../../filters/image/near.ts";
import { emptyBlock } from "../../filters/pair-blocks.ts";
import { Repeats } from "../../filters/repeats.ts";
import { idHalves } from "../../store/pair-id.ts";
import { placeOf } from "../../store/shards.ts";
import { nearDuplicates } from "../duplicates.ts";
import { failureRate, spare, type Tried } from "../wanted.ts";
import { choiceOf } from "./choose.ts";
import { addCounts, packCounts, packRows } from "./chunks.ts";
import type { Work } from "./context.ts";
import { type Digest, fetchDigests, readDigests } from "./digests.ts";
import { resultsOf } from "./names.ts";
import { optionsOf } from "./options.ts";
import { hashesOf } from "./shared.ts";
import type { StageResult } from "./stage.ts";
import type { DownloadIndex } from "./state.ts";

/** A pair that leaves: id, reason, detail. */
export type Drop = [id: string, reason: string, detail: string | null];

/** What a round came to, of all ranks. */
export interface Settled extends Tried {
  /** Nothing is missing and nothing is there twice: the set is what it will be. */
  complete: boolean;
  /** The next round asks for at most so many pairs beyond the cap. */
  beyond: number;
  /** Pairs in the set. */
  pairs: number;
  /** When complete: the first pair of each shard in the order of the shards. */
  shards: { id: string; place: number }[];
}

/**
 * Ends a round: finds pictures that several ranks have, says whose pairs leave, and whether another round is needed. What
 * would be chosen now is not known before that round; but when every query has as many pictures as it can, it is the
 * same.
 */
export async function settleRank(work: Work, round: number): Promise<StageResult> {
  const { cap, seed, balance, shardSize, profile } = optionsOf(work);
  const files = await fetchDigests(work, round);
  const { drops, gone, pairs } = findDuplicates(work.folder("settle"), files, profile.dropNearDuplicates);
  work.remove("settle");
  const { counts, downloaded, tried } = await sumsOf(work, round);
  const { thresholds, short } = await choiceOf(work, round);
  subtract(gone, await hashesOf(work));
  tried.failed += drops.length;
  let left = 0;
  for (let query = 0; query < counts.length; query++)
    left = Math.max(left, Math.min(cap, counts[query] as number) - (downloaded[query] as number));
  const settled: Settled = {
    ...tried,
    complete: drops.length === 0 && (short === 0 || (balance === "exact" && left === 0)),
    beyond: spare(left, failureRate(tried)),
    pairs: pairs - drops.length,
    shards: [],
  };
  if (settled.complete) settled.shards = firstOfShards(files, pairs, seed, shardSize);
  await work.put("drops.bin", packRows(drops));
  await work.put("counts.bin", packCounts(counts));
  await work.put("settled.json", Buffer.from(JSON.stringify(settled)));
  work.remove("fetched");
  return work.result(settled.pairs);

  /** Takes the matches of pairs out of the sums. */
  function subtract(digests: readonly Digest[], hashes: Int32Array): void {
    for (const { id, queries } of digests) {
      const block = emptyBlock(1, queries.length);
      [block.pairs, block.starts[1]] = [1, queries.length];
      [block.high[0], block.low[0]] = idHalves(id);
      block.queries.set(queries);
      chooseMatches(block, thresholds, hashes, seed);
      for (const [i, query] of queries.entries()) {
        counts[query] = (counts[query] as number) - 1;
        if (isChosen(block, i)) downloaded[query] = (downloaded[query] as number) - 1;
      }
    }
  }
}

async function sumsOf(work: Work, round: number) {
  const { store } = work;
  const { terms } = work.plan.queries;
  const sums = { counts: new Uint32Array(terms), downloaded: new Uint32Array(terms), tried: { tried: 0, failed: 0 } };
  for (const rank of work.ranks) {
    const name = await resultsOf(store, `download-${round}`, rank);
    const get = (file: string) => store.get(name(file));
    addCounts(sums.counts, await get("counts.bin"));
    addCounts(sums.downloaded, await get("downloaded.bin"));
    const { tried, failed }: DownloadIndex = JSON.parse((await get("index.json")).toString("utf8"));
    sums.tried.tried += tried;
    sums.tried.failed += failed;
  }
  return sums;
}

/**
 * The same rule as in duplicates.ts, over the pictures of all ranks.
 * @param folder for temporary files. @param files of digests, see {@link readDigests}.
 * @returns what leaves, with its digests, and how many pairs were in the set.
 */
export function findDuplicates(
  folder: string,
  files: readonly string[],
  nearBits: number | undefined,
): { drops: Drop[]; gone: Digest[]; pairs: number } {
  const repeats = new Repeats(join(folder, "repeats.tmp"));
  let pairs = 0;
  const repeated: Digest[] = [];
  try {
    for (const { high, low } of readDigests(files)) repeats.add(high, low);
    const marks = repeats.mark();
    let row = 0;
    for (const { read } of readDigests(files)) if (marks.has(row++)) repeated.push(read());
  } finally {
    repeats.close();
  }
  const drops = new Map<string, Drop>();
  const gone: Digest[] = [];
  const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);
  for (const same of Map.groupBy(repeated.filter(({ inSet }) => inSet).sort(byId), ({ sha256 }) => sha256).values()) {
    for (const digest of same) {
      if (digest.address === same[0]?.address) continue;
      drops.set(digest.id, [digest.id, "duplicate_image", null]);
      gone.push(digest);
    }
  }
  const near: (Digest & { phash: string })[] = [];
  for (const { read } of readDigests(files)) {
    const digest = read();
    if (digest.inSet) pairs++;
    const { phash } = digest;
    if (nearBits !== undefined && phash !== null) near.push({ ...digest, phash });
  }
  near.sort(byId);
  const hashes = hashColumns(
    near.values().map(({ phash }) => phash),
    near.length,
  );
  const rowOf = (index: number) => near[index] as Digest;
  for (const { stays, goes, distance } of nearDuplicates(hashes, rowOf, ({ address }) => address, nearBits ?? 0)) {
    if (!goes.inSet || drops.has(goes.id)) continue;
    drops.set(goes.id, [goes.id, "near_duplicate", `${distance} bits from ${stays.id}`]);
    gone.push(goes);
  }
  return { drops: [...drops.values()], gone, pairs };
}

/** Where each shard begins in the seeded order of all pairs; memory: 8 bytes a pair. */
function firstOfShards(files: readonly string[], pairs: number, seed: number, shardSize: number): Settled["shards"] {
  const places = new Float64Array(pairs);
  let count = 0;
  const inSet = function* () {
    for (const { read } of readDigests(files)) {
      const { id, inSet } = read();
      if (inSet) yield { id, place: placeOf(seed, id) };
    }
  };
  for (const { place } of inSet()) places[count++] = place;
  places.sort();
  const firsts: number[] = [];
  for (let at = 0; at < pairs; at += shardSize) firsts.push(at);
  // Two pairs of hundreds of millions may share a place: then ids decide.
  const wanted = new Map<number, string[]>(firsts.map((at) => [places[at] as number, []]));
  for (const { id, place } of inSet()) wanted.get(place)?.push(id);
  for (const ids of wanted.values()) ids.sort();
  return firsts.map((at) => {
    const place = places[at] as number;
    let tied = 0;
    while (places[at - tied - 1] === place) tied++;
    return { place, id: wanted.get(place)?.[tied] ?? "" };
  });
}
