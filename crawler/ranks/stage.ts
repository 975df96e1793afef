import type { Objects } from "../../store/objects.ts";

/** What a rank of a stage is given. */
export interface StageContext {
  store: Objects;
  /** A folder on this machine for all ranks of the build; what was left in it by an earlier try may still be there. */
  scratch: string;
  rank: number;
  world: number;
  /** Of this try: part of the names of its outputs. */
  attempt: string;
  /** Ends the rank early: what is in flight is finished, then it rejects with `Stopped`. */
  stop: AbortSignal;
  progress: (items: number, total?: number) => void;
  quiet: boolean;
  /** What was fetched is published so often, in milliseconds; five minutes when left out. */
  checkpointMs?: number | undefined;
}

/** What a rank of a stage did. */
export interface StageResult {
  items: number;
  bytes: number;
  /** Names on the store. */
  outputs: string[];
}

/** A stage with its number of tasks. */
export interface Stage {
  stage: string;
  tasks: number;
}
