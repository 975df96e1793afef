import { appendFileSync } from "node:fs";
import { join } from "node:path";
import {
  chooseMatches,
  exactThresholds,
  isChosen,
  openThresholds,
  type PairBlock,
  sampledThresholds,
  type Thresholds,
  Windows,
} from "../../filters/cap.ts";
import { emptyMarks, encodeBlock, readBlocks } from "../../filters/pair-blocks.ts";
import type { Objects } from "../../store/objects.ts";
import { idHalves } from "../../store/pair-id.ts";
import { failureRate, spare, type Tried } from "../wanted.ts";
import { addCounts, packCounts, packNumbers, unpackNumbers, unpackRows } from "./chunks.ts";
import type { Work } from "./context.ts";
import { resultOf } from "./names.ts";
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
    yield { live, present: partOf(block, (pair) => block.extra[pair] === 1 && stays(pair)) };
  }
}

/** The pairs of a block that fit. */
function partOf(block: PairBlock, fits: (pair: number) => boolean): PairBlock {
  const part: PairBlock = {
    pairs: 0,
    high: new Int32Array(block.pairs),
    low: new Int32Array(block.pairs),
    starts: new Uint32Array(block.pairs + 1),
    queries: new Int32Array(block.starts[block.pairs] as number),
    ...emptyMarks(block.starts[block.pairs] as number),
  };
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

/** What a rank tells of its live pairs, and of those it has pictures of. */
interface Told {
  /** Matches of each query with pictures. */
  present: Uint32Array;
  /** With exact caps. */
  live: Windows;
  have: Windows;
  /** With MetaCLIP's balancing: how many of each query's matches are drawn. */
  drawn: { live: Uint32Array; have: Uint32Array };
}

function nothingTold(counts: Uint32Array, windows: () => Windows): Told {
  const zeros = () => new Uint32Array(counts.length);
  return { present: zeros(), live: windows(), have: windows(), drawn: { live: zeros(), have: zeros() } };
}

/** Looks through this rank's pairs for what the thresholds of the round are made of (see filters/cap.ts). */
export async function windowRank(work: Work, round: number): Promise<StageResult> {
  const { balance, cap, seed } = optionsOf(work);
  const { counts, beyond, dropped } = await before(work, round);
  const hashes = await hashesOf(work);
  const windows = () => new Windows(counts, hashes, cap, seed, undefined, undefined, beyond);
  const told = nothingTold(counts, windows);
  const sampled = balance === "metaclip" ? sampledThresholds(counts, cap) : undefined;
  let pairs = 0;
  for await (const { live, present } of liveBlocks(work, work.rank, round, dropped)) {
    work.checkStop();
    pairs += live.pairs;
    if (sampled) {
      countChosen(live, sampled, hashes, seed, told.drawn.live);
      countChosen(present, sampled, hashes, seed, told.drawn.have);
    } else {
      told.live.add(live);
      told.have.add(present);
      for (let i = 0; i < (present.starts[present.pairs] as number); i++) {
        const query = present.queries[i] as number;
        told.present[query] = (told.present[query] as number) + 1;
      }
    }
    work.context.progress(pairs);
  }
  await work.put("present.bin", packCounts(told.present));
  for (const name of ["live", "have"] as const) {
    const { below, inside } = told[name];
    await work.put(`${name}-below.bin`, packCounts(sampled ? told.drawn[name] : below));
    const used = inside.map(({ values, slots, used }) => [values.subarray(0, used), slots.subarray(0, used)] as const);
    await work.put(
      `${name}-u.bin`,
      packNumbers(
        joined(
          Float64Array,
          used.map(([values]) => values),
        ),
      ),
    );
    await work.put(
      `${name}-slots.bin`,
      packNumbers(
        joined(
          Int32Array,
          used.map(([, slots]) => slots),
        ),
      ),
    );
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

function countChosen(block: PairBlock, thresholds: Thresholds, hashes: Int32Array, seed: number, sums: Uint32Array) {
  const matches = block.starts[block.pairs] as number;
  chooseMatches(block, thresholds, hashes, seed);
  for (let i = 0; i < matches; i++) {
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
  const { balance, cap, seed } = optionsOf(work);
  const known = await before(work, round);
  const { counts } = known;
  const hashes = await hashesOf(work);
  const windows = () => new Windows(counts, hashes, cap, seed, undefined, undefined, known.beyond);
  const sums = nothingTold(counts, windows);
  for (const rank of work.ranks) {
    work.checkStop();
    await addTold(work, rank, round, sums, balance === "metaclip");
  }
  const sampled = balance === "metaclip";
  const exact = async (beyond: number): Promise<Thresholds> => {
    const thresholds = openThresholds(counts.length);
    if (sums.live.settle(thresholds, beyond).size === 0) return thresholds;
    // A window was missed, which has probability 1e-11 a query: all pairs are gone over here.
    const file = await allBlocks(work, round, known.dropped);
    const scan = (visit: (block: PairBlock) => void) => {
      for (const block of readBlocks(file)) visit(block);
    };
    return exactThresholds(scan, counts, hashes, cap + beyond, seed).thresholds;
  };
  const thresholds = sampled ? sampledThresholds(counts, cap) : await exact(0);
  const have = sampled ? sums.drawn.have : sums.have.countWithin(thresholds);
  let short = 0;
  for (let query = 0; query < counts.length; query++) {
    const count = counts[query] as number;
    const chosen = sampled ? (sums.drawn.live[query] as number) : Math.min(cap, count);
    const present = sampled || count > cap ? (have[query] as number) : (sums.present[query] as number);
    short = Math.max(short, chosen - present);
  }
  const extra = spare(short, failureRate(known));
  const columns = [thresholds.high, thresholds.low];
  if (extra > 0) {
    const wider = sampled ? sampledThresholds(counts, cap + extra) : await exact(extra);
    columns.push(wider.high, wider.low);
  }
  await work.put(
    "thresholds.bin",
    packNumbers(
      joined(
        Int32Array,
        columns.map((column) => new Int32Array(column.buffer)),
      ),
    ),
  );
  await work.put("choice.json", Buffer.from(JSON.stringify({ short, extra })));
  work.remove("fetched");
  return work.result(counts.length);
}

/** Adds what a rank told to the sums. */
async function addTold({ store }: Work, rank: number, round: number, sums: Told, sampled: boolean): Promise<void> {
  const get = async (file: string) => store.get(await resultOf(store, `window-${round}`, rank, file));
  addCounts(sums.present, await get("present.bin"));
  for (const name of ["live", "have"] as const) {
    const counted = await get(`${name}-below.bin`);
    if (sampled) {
      addCounts(sums.drawn[name], counted);
      continue;
    }
    const below = new Uint32Array(sums[name].below.length);
    addCounts(below, counted);
    const values = new Float64Array(unpackNumbers(await get(`${name}-u.bin`)));
    const slots = new Int32Array(unpackNumbers(await get(`${name}-slots.bin`)));
    sums[name].merge({ below, inside: [{ values, slots, used: values.length }] });
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
  const stage = `threshold-${round}`;
  const { short } = JSON.parse((await store.get(await resultOf(store, stage, 0, "choice.json"))).toString("utf8"));
  const columns = unpackNumbers(await store.get(await resultOf(store, stage, 0, "thresholds.bin")));
  const { terms } = plan.queries;
  const from = (at: number): Thresholds => ({
    high: new Int32Array(columns, at, terms),
    low: new Uint32Array(columns, at + 4 * terms, terms),
  });
  return { short, thresholds: from(0), wider: columns.byteLength > 8 * terms ? from(8 * terms) : undefined };
}
