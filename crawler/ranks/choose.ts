import { appendFileSync } from "node:fs";
import { join } from "node:path";
import {
  chooseMatches,
  countMatches,
  exactThresholds,
  isChosen,
  type PairBlock,
  sampledThresholds,
} from "../../filters/cap.ts";
import { emptyBlock, encodeBlock, readBlocks } from "../../filters/pair-blocks.ts";
import { openThresholds, type Thresholds } from "../../filters/priority.ts";
import { Windows } from "../../filters/windows.ts";
import type { Objects } from "../../store/objects.ts";
import { idHalves } from "../../store/pair-id.ts";
import { failureRate, spare, type Tried } from "../wanted.ts";
import { addCounts, packCounts, packNumbers, unpackNumbers, unpackRows } from "./chunks.ts";
import type { Work } from "./context.ts";
import { resultOf, resultsOf } from "./names.ts";
import { countsPictures, optionsOf } from "./options.ts";
import type { Drop, Settled } from "./settle.ts";
import { hashesOf } from "./shared.ts";
import type { StageResult } from "./stage.ts";

/** The stage whose output the first choice is made from. */
export function baseStage({ plan }: Work): "gather" | "live" {
  return countsPictures(plan) ? "live" : "gather";
}

/** What is known before the choice of a round. */
interface Before extends Tried {
  /** Live pairs of each query, of all ranks. */
  counts: Uint32Array;
  /** More than so many pairs beyond the cap will not be asked for. */
  beyond: number;
  /** Pairs that left since the ranks published theirs. */
  dropped: Drop[];
}

async function before(work: Work, round: number): Promise<Before> {
  const { store } = work;
  const counts = new Uint32Array(work.plan.queries.terms);
  const add = async (stage: string, rank: number) =>
    addCounts(counts, await store.get(await resultOf(store, stage, rank, "counts.bin")));
  if (round > 1) {
    const stage = `settle-${round - 1}`;
    const { tried, failed, beyond } = await settledIn(store, round - 1);
    const dropped: Drop[] = [];
    for await (const rows of unpackRows<Drop>(store.read(await resultOf(store, stage, 0, "drops.bin"))))
      dropped.push(...rows);
    await add(stage, 0);
    return { counts, beyond, tried, failed, dropped };
  }
  for (const rank of work.ranks) await add(baseStage(work), rank);
  return { counts, beyond: 0, tried: 0, failed: 0, dropped: [] };
}

/** What a round came to. */
export async function settledIn(store: Objects, round: number): Promise<Settled> {
  return JSON.parse((await store.get(await resultOf(store, `settle-${round}`, 0, "settled.json"))).toString("utf8"));
}

/** The live pairs of a rank as the round finds them, and of each block the part whose pictures are there. */
async function* liveBlocks(work: Work, rank: number, round: number, dropped: readonly Drop[]) {
  const stage = round > 1 ? `download-${round - 1}` : baseStage(work);
  const file = await work.fetch(await resultOf(work.store, stage, rank, "blocks.bin"));
  const gone = new Map<number, Set<number>>();
  for (const [id] of dropped) {
    const [high, low] = idHalves(id);
    const lows = gone.get(high) ?? new Set();
    gone.set(high, lows.add(low));
  }
  for (const block of readBlocks(file)) {
    const stays = (pair: number) => !gone.get(block.high[pair] as number)?.has(block.low[pair] as number);
    const live = gone.size === 0 ? block : partOf(block, stays);
    yield { live, have: partOf(block, (pair) => block.extra[pair] === 1 && stays(pair)) };
  }
}

/** The pairs of a block that fit. */
function partOf(block: PairBlock, fits: (pair: number) => boolean): PairBlock {
  const part = emptyBlock(block.pairs, block.starts[block.pairs]);
  let end = 0;
  for (let pair = 0; pair < block.pairs; pair++) {
    if (!fits(pair)) continue;
    part.high[part.pairs] = block.high[pair] as number;
    part.low[part.pairs] = block.low[pair] as number;
    const own = block.queries.subarray(block.starts[pair], block.starts[pair + 1]);
    part.queries.set(own, end);
    end += own.length;
    part.starts[++part.pairs] = end;
  }
  return part;
}

/** What ranks tell of their pairs, all and those with pictures: with exact caps windows, else how many are chosen. */
interface Told {
  /** Matches of each query with pictures. */
  present: Uint32Array;
  windows: { live: Windows; have: Windows } | undefined;
  chosen: { live: Uint32Array; have: Uint32Array };
}

const BOTH = ["live", "have"] as const;

/** An empty one. */
function nothingTold(work: Work, counts: Uint32Array, hashes: Int32Array, beyond: number): Told {
  const { balance, cap, seed } = optionsOf(work);
  const windows = () => new Windows(counts, hashes, cap, seed, undefined, undefined, beyond);
  const numbers = () => new Uint32Array(counts.length);
  return {
    present: numbers(),
    windows: balance === "metaclip" ? undefined : { live: windows(), have: windows() },
    chosen: { live: numbers(), have: numbers() },
  };
}

/** Looks through this rank's pairs for what the thresholds of the round are made of (see filters/cap.ts). */
export async function windowRank(work: Work, round: number): Promise<StageResult> {
  const { cap, seed } = optionsOf(work);
  const { counts, beyond, dropped } = await before(work, round);
  const hashes = await hashesOf(work);
  const told = nothingTold(work, counts, hashes, beyond);
  const { windows } = told;
  const sampled = windows ? undefined : sampledThresholds(counts, cap);
  let pairs = 0;
  for await (const parts of liveBlocks(work, work.rank, round, dropped)) {
    work.checkStop();
    pairs += parts.live.pairs;
    countMatches(parts.have, told.present);
    for (const part of BOTH) {
      windows?.[part].add(parts[part]);
      if (sampled) countChosen(parts[part], sampled, hashes, seed, told.chosen[part]);
    }
    work.context.progress(pairs);
  }
  await work.put("present.bin", packCounts(told.present));
  for (const part of BOTH) {
    await work.put(`${part}-chosen.bin`, packCounts(told.chosen[part]));
    if (!windows) continue;
    const { below, inside } = windows[part];
    const values = inside.map(({ values, used }) => values.subarray(0, used));
    const slots = inside.map(({ slots, used }) => slots.subarray(0, used));
    await work.put(`${part}-below.bin`, packCounts(below));
    await work.put(`${part}-u.bin`, packNumbers(joined(Float64Array, values)));
    await work.put(`${part}-slots.bin`, packNumbers(joined(Int32Array, slots)));
  }
  work.remove("fetched");
  return work.result(pairs);
}

function joined<T extends Float64Array | Int32Array>(kind: new (length: number) => T, parts: readonly T[]): T {
  const whole = new kind(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function countChosen(
  block: PairBlock,
  thresholds: Thresholds,
  hashes: Int32Array,
  seed: number,
  sums: Uint32Array,
): void {
  chooseMatches(block, thresholds, hashes, seed);
  for (let i = 0; i < (block.starts[block.pairs] as number); i++) {
    const query = block.queries[i] as number;
    if (isChosen(block, i)) sums[query] = (sums[query] as number) + 1;
  }
}

/** What a round chooses. */
export interface Choice {
  thresholds: Thresholds;
  /** Under these more is fetched than is needed, because some will fail. */
  wider: Thresholds | undefined;
  /** Pictures that the query with the fewest still needs; at 0 nothing is fetched. */
  short: number;
}

/** The thresholds of a round from what all ranks told. */
export async function thresholdRank(work: Work, round: number): Promise<StageResult> {
  const { cap, seed } = optionsOf(work);
  const known = await before(work, round);
  const { counts } = known;
  const hashes = await hashesOf(work);
  const sums = nothingTold(work, counts, hashes, known.beyond);
  const { windows } = sums;
  for (const rank of work.ranks) {
    work.checkStop();
    await addTold(work, rank, round, sums);
  }
  const thresholdsAt = async (beyond: number): Promise<Thresholds> => {
    if (!windows) return sampledThresholds(counts, cap + beyond);
    const thresholds = openThresholds(counts.length);
    if (windows.live.settle(thresholds, beyond).size === 0) return thresholds;
    // A window was missed, which has probability 1e-11 a query: all pairs are gone over here.
    const file = await allBlocks(work, round, known.dropped);
    const scan = (visit: (block: PairBlock) => void) => {
      for (const block of readBlocks(file)) visit(block);
    };
    return exactThresholds(scan, counts, hashes, cap + beyond, seed).thresholds;
  };
  const thresholds = await thresholdsAt(0);
  const have = windows ? windows.have.countWithin(thresholds) : sums.chosen.have;
  let short = 0;
  for (let query = 0; query < counts.length; query++) {
    const count = counts[query] as number;
    const chosen = windows ? Math.min(cap, count) : (sums.chosen.live[query] as number);
    const present = windows && count <= cap ? sums.present : have;
    short = Math.max(short, chosen - (present[query] as number));
  }
  const extra = spare(short, failureRate(known));
  const columns = [thresholds.high, thresholds.low];
  if (extra > 0) {
    const wider = await thresholdsAt(extra);
    columns.push(wider.high, wider.low);
  }
  const signed = columns.map((column) => new Int32Array(column.buffer));
  await work.put("thresholds.bin", packNumbers(joined(Int32Array, signed)));
  await work.put("choice.json", Buffer.from(JSON.stringify({ short, extra })));
  work.remove("fetched");
  return work.result(counts.length);
}

/** Adds what a rank told to the sums. */
async function addTold({ store }: Work, rank: number, round: number, sums: Told): Promise<void> {
  const name = await resultsOf(store, `window-${round}`, rank);
  const get = (file: string) => store.get(name(file));
  addCounts(sums.present, await get("present.bin"));
  for (const part of BOTH) {
    addCounts(sums.chosen[part], await get(`${part}-chosen.bin`));
    const windows = sums.windows?.[part];
    if (!windows) continue;
    const below = new Uint32Array(windows.below.length);
    addCounts(below, await get(`${part}-below.bin`));
    const values = new Float64Array(unpackNumbers(await get(`${part}-u.bin`)));
    const slots = new Int32Array(unpackNumbers(await get(`${part}-slots.bin`)));
    windows.merge({ below, inside: [{ values, slots, used: values.length }] });
  }
}

/** The live pairs of all ranks in one file. */
async function allBlocks(work: Work, round: number, dropped: readonly Drop[]): Promise<string> {
  const file = join(work.emptyFolder("all"), "blocks.bin");
  for (const rank of work.ranks)
    for await (const { live } of liveBlocks(work, rank, round, dropped)) appendFileSync(file, encodeBlock(live));
  return file;
}

/** The choice of a round. */
export async function choiceOf({ store, plan }: Work, round: number): Promise<Choice> {
  const name = await resultsOf(store, `threshold-${round}`, 0);
  const { short } = JSON.parse((await store.get(name("choice.json"))).toString("utf8"));
  const columns = unpackNumbers(await store.get(name("thresholds.bin")));
  const { terms } = plan.queries;
  const from = (at: number): Thresholds => ({
    high: new Int32Array(columns, at, terms),
    low: new Uint32Array(columns, at + 4 * terms, terms),
  });
  return { short, thresholds: from(0), wider: columns.byteLength > 8 * terms ? from(8 * terms) : undefined };
}
