import { randomUUID } from "node:crypto";
import type { Objects } from "../../store/objects.ts";

/** What a rank that is done leaves, last of all: only the outputs it names count. */
export interface Marker {
  rank: number;
  /** Unique over all tries of all ranks. */
  attempt: string;
  host: string;
  /** ISO 8601. */
  started: string;
  seconds: number;
  /** Of the process and the processes it started. */
  cpuSeconds: number;
  items: number;
  bytes: number;
  /** Names on the store. */
  outputs: string[];
}

/** Where the plan of a build lies. */
export const PLAN = "cluster/plan.json";

/** Where the marker of a rank lies. */
export function markerName(stage: string, rank: number): string {
  return `cluster/${stage}/done/${padded(rank)}.json`;
}

/** Where a rank that runs says so. */
export function beatName(stage: string, rank: number): string {
  return `cluster/${stage}/beat/${padded(rank)}.json`;
}

/** Where a try that ended in an error says so. */
export function failureName(stage: string, rank: number): string {
  return `cluster/${stage}/failed/${padded(rank)}.json`;
}

/** Where the last lines of a try lie. */
export function logName(stage: string, rank: number, attempt: string): string {
  return `cluster/${stage}/log/${padded(rank)}.${attempt}.log`;
}

/** Where a try publishes `file`. */
export function outputName(stage: string, rank: number, attempt: string, file: string): string {
  return `cluster/${stage}/out/${padded(rank)}.${attempt}/${file}`;
}

/** The rank that a marker, a beat or a failure is of. */
export function rankOf(name: string): number {
  return Number(/(\d+)[^/]*$/.exec(name)?.[1]);
}

/** A name for one try. */
export function newAttempt(): string {
  return randomUUID().slice(0, 13);
}

/** Undefined when the rank is not done. */
export async function readMarker(store: Objects, stage: string, rank: number): Promise<Marker | undefined> {
  const bytes = await store.getIfPresent(markerName(stage, rank));
  return bytes && JSON.parse(String(bytes));
}

/** The ranks of a stage that are done. */
export async function markedRanks(store: Objects, stage: string): Promise<Set<number>> {
  const ranks = new Set<number>();
  for await (const { name } of store.list(`cluster/${stage}/done/`)) ranks.add(rankOf(name));
  return ranks;
}

/** The ranks of a stage that are not done, in order. */
export async function missingRanks(store: Objects, stage: string, tasks: number): Promise<number[]> {
  const done = await markedRanks(store, stage);
  return Array.from({ length: tasks }, (_, rank) => rank).filter((rank) => !done.has(rank));
}

/** The name of something else of a stage. */
export function stageName(stage: string, ...path: string[]): string {
  return ["cluster", stage, ...path].join("/");
}

/** The name of the file `file` in the result of a rank. @throws Error when the rank is not done, or has no such result. */
export async function resultOf(store: Objects, stage: string, rank: number, file: string): Promise<string> {
  return (await resultsOf(store, stage, rank))(file);
}

/** The same for several files of one rank, whose marker is read once. */
export async function resultsOf(store: Objects, stage: string, rank: number): Promise<(file: string) => string> {
  const marker = await readMarker(store, stage, rank);
  if (!marker)
    throw new Error(
      `${stage}, rank ${rank}, comes first, and is not done: ${store.url(markerName(stage, rank))} is missing`,
    );
  return (file) => {
    const name = marker.outputs.find((output) => output.endsWith(`/${file}`));
    if (name === undefined) throw new Error(`${store.url(markerName(stage, rank))}: names no ${file}`);
    return name;
  };
}

/** The number of a rank as it stands in names. */
export function padded(rank: number): string {
  return String(rank).padStart(5, "0");
}
