import pLimit from "p-limit";
import type { Objects } from "../../store/objects.ts";
import { UsageError } from "../../store/usage-error.ts";
import { BEAT_MS, type Beat, type Failure } from "./attempt.ts";
import { beatName, failureName, logName, type Marker, markedRanks, markerName, PLAN, rankOf } from "./names.ts";
import { readPlan } from "./plan.ts";
import type { Stage } from "./stage.ts";
import { nextStage, stagesAhead } from "./stages.ts";

/** A rank that has not been heard of for so long is stalled: five minutes. */
const STALLED_MS = 10 * BEAT_MS;
/** How many lines of a log are shown, of how many ranks, and how many objects are read at a time. */
const LINES = 8;
const RANKS_SHOWN = 20;
const AT_ONCE = 32;

/** A rank that needs to be looked at. */
export interface Trouble {
  rank: number;
  host: string;
  /** Seconds since it was last heard of, or since it failed. */
  seconds: number;
  /** Of one that failed. */
  message?: string;
  /** Where its log lies, and its last lines. */
  log: string;
  lines: string[];
}

/** How far a stage is. */
export interface StageStatus extends Stage {
  done: number;
  running: number;
  stalled: number;
  failed: number;
  /** Not begun, or lost without a word. */
  waiting: number;
  /** Of all its ranks so far; only of the stage that is at work. */
  items?: number;
  itemsPerSecond?: number;
  /** Seconds, when ranks go on as they did. */
  left?: number;
  /** Tries that ended in an error, and ranks that are stalled, at most twenty of each. */
  failures: Trouble[];
  stalls: Trouble[];
}

/** How far a build is, as far as can be told from its store. */
export interface BuildStatus {
  data: string;
  world: number;
  stages: StageStatus[];
  /** What is to be done next; absent when the build is complete. */
  next?: Stage & { missing: number[] };
}

/** Markers never change: a status that is asked for again and again reads each once. */
export type MarkerCache = Map<string, Marker>;

/**
 * Reads a build's status from its store alone; no engine need be reachable.
 * @throws UsageError when there is no build.
 */
export async function buildStatus(store: Objects, cache: MarkerCache = new Map()): Promise<BuildStatus> {
  const plan = await readPlan(store);
  if (!plan)
    throw new UsageError(`${store.location} has no build of many ranks (${PLAN}); \`npm run stats\` shows others`);
  const next = await nextStage(store);
  const stages: StageStatus[] = [];
  for (const stage of await stagesOf(store, plan, next)) stages.push(await stageStatus(store, stage, next, cache));
  const { data, world } = { data: store.location, world: plan.world };
  if (!next) return { data, world, stages };
  const done = await markedRanks(store, next.stage);
  const missing = Array.from({ length: next.tasks }, (_, rank) => rank).filter((rank) => !done.has(rank));
  return { data, world, stages, next: { ...next, missing } };
}

/** The stages so far and those that are sure to follow, in order. */
async function stagesOf(store: Objects, plan: Parameters<typeof stagesAhead>[0], next: Stage | undefined) {
  const stages = stagesAhead(plan, "discover");
  const known = (stage: string) => stages.some((other) => other.stage === stage);
  for (let round = 2; !(next && known(next.stage)); round++) {
    const first = `window-${round}`;
    if (next?.stage.endsWith(`-${round}`) || (await markedRanks(store, first)).size > 0) {
      stages.push(...stagesAhead(plan, first));
    } else {
      if (!known("pack")) stages.push(...stagesAhead(plan, "pack"));
      break;
    }
  }
  return stages;
}

async function stageStatus(
  store: Objects,
  { stage, tasks }: Stage,
  next: Stage | undefined,
  cache: MarkerCache,
): Promise<StageStatus> {
  const ranks = await markedRanks(store, stage);
  const status: StageStatus = {
    stage,
    tasks,
    done: ranks.size,
    running: 0,
    stalled: 0,
    failed: 0,
    waiting: tasks - ranks.size,
    failures: [],
    stalls: [],
  };
  if (next?.stage !== stage) return status;
  const now = Date.now();
  const limit = pLimit(AT_ONCE);
  const heard = new Map<number, number>();
  for await (const { name, modified } of store.list(beatName(stage, 0).replace(/[^/]+$/, "")))
    if (!ranks.has(rankOf(name))) heard.set(rankOf(name), now - Number(modified));
  const beats = await Promise.all(
    [...heard.keys()].map((rank) => limit(() => read<Beat>(store, beatName(stage, rank)))),
  );
  for (const beat of beats) {
    if (!beat) continue;
    const silent = heard.get(beat.rank) ?? 0;
    if (silent < STALLED_MS) status.running++;
    else if (++status.stalled <= RANKS_SHOWN) status.stalls.push(await trouble(store, stage, beat, silent));
  }
  for await (const { name } of store.list(failureName(stage, 0).replace(/[^/]+$/, ""))) {
    const rank = rankOf(name);
    if (ranks.has(rank)) continue;
    // One that is tried again is not counted, but what happened to it may happen to others.
    if (!heard.has(rank)) status.failed++;
    const failure = status.failures.length < RANKS_SHOWN ? await read<Failure>(store, name) : undefined;
    if (failure)
      status.failures.push(await trouble(store, stage, failure, now - Date.parse(failure.at), failure.message));
  }
  status.waiting -= status.running + status.stalled + status.failed;
  const markers = await Promise.all(
    [...ranks].map((rank) => limit(() => readMarker(store, markerName(stage, rank), cache))),
  );
  return {
    ...status,
    ...speed(
      tasks,
      markers.filter((marker) => marker !== undefined),
      beats.filter((beat) => beat !== undefined),
      now,
    ),
  };
}

/** From the begin of the first rank to now, whoever did them. */
function speed(tasks: number, markers: readonly Marker[], beats: readonly Beat[], now: number) {
  const all = [...markers, ...beats];
  if (all.length === 0) return {};
  const items = all.reduce((sum, one) => sum + one.items, 0);
  const seconds = (now - Math.min(...all.map(({ started }) => Date.parse(started)))) / 1000;
  const parts = beats.reduce((sum, beat) => sum + (beat.total ? Math.min(beat.items / beat.total, 1) : 0), 0);
  const share = (markers.length + parts) / tasks;
  return {
    items,
    itemsPerSecond: items / Math.max(seconds, 1e-3),
    ...(share > 0 ? { left: (seconds * (1 - share)) / share } : {}),
  };
}

async function trouble(
  store: Objects,
  stage: string,
  of: Beat | Failure,
  ms: number,
  message?: string,
): Promise<Trouble> {
  const { rank, host, attempt } = of;
  const log = logName(stage, rank, attempt);
  const text = String((await store.getIfPresent(log)) ?? "");
  const lines = text.trimEnd().split("\n").slice(-LINES);
  return {
    rank,
    host,
    seconds: Math.round(ms / 1000),
    ...(message === undefined ? {} : { message }),
    log: store.url(log),
    lines,
  };
}

async function readMarker(store: Objects, name: string, cache: MarkerCache): Promise<Marker | undefined> {
  const marker = cache.get(name) ?? (await read<Marker>(store, name));
  if (marker) cache.set(name, marker);
  return marker;
}

/** Undefined when it has just been removed. */
async function read<T>(store: Objects, name: string): Promise<T | undefined> {
  const bytes = await store.getIfPresent(name);
  return bytes && (JSON.parse(String(bytes)) as T);
}
