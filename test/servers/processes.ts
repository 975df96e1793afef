import { readdirSync, readFileSync } from "node:fs";

/** Processes (Linux) that have all of these NAME=VALUE in the environment they were started with. */
export function processesWith(...variables: readonly string[]): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const environment = new Set(readFileSync(`/proc/${pid}/environ`, "latin1").split("\0"));
        return variables.every((variable) => environment.has(variable));
      } catch {
        return false; // It has ended, or belongs to somebody else.
      }
    })
    .map(Number);
}

/** Ends processes at once, as a power cut would; those that they start meanwhile too. */
export function cutPower(find: () => number[]): void {
  for (let pids = find(); pids.length > 0; pids = find()) {
    for (const pid of pids) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
    // The dead stay listed until they are reaped, but without an environment.
  }
}
