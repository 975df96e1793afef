import { Stopped } from "../fetch-error.ts";
import type { Stop } from "../stop.ts";
import { type Build, runOne } from "./rank-command.ts";
import { closeShared } from "./shared.ts";

/** How often a worker says how far its rank is. */
const TELL_MS = 500;

/** What a worker is told to do. */
export interface Order {
  stage: string;
  rank: number;
}

/** What it says: progress, then an end. */
export type Answer = { items: number } | { done: true; items: number } | { failed: string } | { stopped: true };

/**
 * A process of the local executor: takes ranks of any stage from its parent, one after the other, until the parent
 * closes the channel or is gone; so tables and models are loaded once a process.
 */
export async function work(build: Build, stop: Stop): Promise<void> {
  const tell = (answer: Answer) => void (process.connected && process.send?.(answer));
  const end = Promise.withResolvers<void>();
  let busy = Promise.resolve();
  process.on("disconnect", end.resolve);
  stop.signal.addEventListener("abort", () => end.resolve());
  process.on("message", ({ stage, rank }: Order) => {
    busy = busy.then(async () => {
      let told = 0;
      const progress = (items: number) => {
        if (performance.now() - told < TELL_MS) return;
        told = performance.now();
        tell({ items });
      };
      try {
        const { items } = await runOne(build, stage, rank, stop, true, progress);
        tell({ done: true, items });
      } catch (error) {
        tell(error instanceof Stopped ? { stopped: true } : { failed: (error as Error).message });
      }
    });
  });
  await end.promise;
  // Nobody waits for the rank any more: it ends at a good moment.
  if (!stop.signal.aborted) stop.abort();
  await busy;
  await closeShared();
}
