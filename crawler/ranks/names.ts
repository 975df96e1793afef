import type { Objects } from "../../store/objects.ts";

/** What a rank leaves when it is done: the only thing that counts as done. The first one stays. */
export interface Marker {
  rank: number;
  /** Unique among all tries of all ranks. */
  attempt: string;
  host: string;
  /** ISO 8601. */
  started: string;
  seconds: number;
  cpuSeconds: number;
  /** What the stage counts: candidates, pairs, pictures, shards. */
  items: number;
  /** Bytes published. */
  bytes: number;
  /** Names of the objects that hold the result. */
  outputs: string[];
}

const ROOT = "cluster";

/** The number of a rank as it stands in names. */
export function numbered(rank: number): string {
  return String(rank).padStart(5, "0");
}

/** The name of something of the whole build, e.g. `cluster/plan.json`. */
export function buildName(file: string): string {
  return `${ROOT}/${file}`;
}

/** The name of something of a stage, e.g. `cluster/discover/beat/00003.json`. */
export function stageName(stage: string, ...path: string[]): string {
  return [ROOT, stage, ...path].join("/");
}

/** Where a rank's marker lies. */
export function markerName(stage: string, rank: number): string {
  return stageName(stage, "done", `${numbered(rank)}.json`);
}

/** Where an attempt of a rank publishes a file of its result. */
export function outputName(stage: string, rank: number, attempt: string, file: string): string {
  return stageName(stage, "out", `${numbered(rank)}.${attempt}`, file);
}

/** The ranks that are done with a stage. */
export async function markedRanks(store: Objects, stage: string): Promise<Set<number>> {
  const ranks = new Set<number>();
  for await (const { name } of store.list(stageName(stage, "done/"))) {
    const [, number] = /\/(\d{5,})\.json$/.exec(name) ?? [];
    if (number !== undefined) ranks.add(Number(number));
  }
  return ranks;
}

/** @throws Error when the rank is not done with the stage. */
export async function readMarker(store: Objects, stage: string, rank: number): Promise<Marker> {
  return JSON.parse((await store.get(markerName(stage, rank))).toString("utf8"));
}

/** The name of the file `file` in the result of a rank. @throws Error when it has none. */
export async function resultOf(store: Objects, stage: string, rank: number, file: string): Promise<string> {
  const { outputs } = await readMarker(store, stage, rank);
  const name = outputs.find((output) => output.endsWith(`/${file}`));
  if (name === undefined) throw new Error(`${store.url(markerName(stage, rank))}: names no ${file}`);
  return name;
}
