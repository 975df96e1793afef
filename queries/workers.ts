import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { countPairs, type PairCountTask, type SpillTask, spillPairs } from "./pairs.ts";
import { type Part, PartReader } from "./part.ts";

/** What a worker can be asked for; each kind has the answer of the function that does it. */
export type Task =
  | { kind: "part"; part: Part }
  | { kind: "spill"; spill: SpillTask }
  | { kind: "count"; count: PairCountTask };

/**
 * Runs tasks on so many threads, each task by the next free one.
 * @param done called with the answer to each task, in any order.
 * @param stop no further task is begun once it is aborted.
 * @throws the first error of a task.
 */
export async function runTasks<Answer>(
  tasks: readonly Task[],
  threads: number,
  done: (answer: Answer, index: number) => void,
  stop?: AbortSignal,
): Promise<void> {
  let next = 0;
  const workers: Worker[] = [];
  const run = () =>
    new Promise<void>((resolve, reject) => {
      // The worker is this module: under type stripping and in dist/ alike.
      const worker = new Worker(new URL(import.meta.url));
      workers.push(worker);
      let current = -1;
      const give = () => {
        if (next >= tasks.length || stop?.aborted) return resolve();
        current = next++;
        worker.postMessage(tasks[current]);
      };
      worker.on("message", (message: { answer: Answer } | { error: string }) => {
        if ("error" in message) return reject(new Error(message.error));
        done(message.answer, current);
        give();
      });
      worker.on("error", reject);
      worker.on("exit", (code) => reject(new Error(`a worker ended with code ${code}`)));
      give();
    });
  try {
    await Promise.all(Array.from({ length: Math.min(threads, tasks.length) }, run));
    stop?.throwIfAborted();
  } finally {
    for (const worker of workers) worker.removeAllListeners("exit");
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

if (!isMainThread && parentPort) {
  const port = parentPort;
  const reader = new PartReader();
  port.on("message", (task: Task) => {
    try {
      port.postMessage({ answer: perform(task) });
    } catch (error) {
      port.postMessage({ error: (error as Error).message });
    }
  });
  function perform(task: Task) {
    switch (task.kind) {
      case "part":
        return reader.read(task.part);
      case "spill":
        return spillPairs(task.spill);
      case "count":
        return countPairs(task.count);
    }
  }
}
