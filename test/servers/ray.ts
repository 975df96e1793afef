import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { ensureVenv } from "../../store/python.ts";

/** A running Ray cluster of two nodes of two processors each, on this machine. */
export interface Ray {
  /** What a program needs in its environment to talk to it. */
  env: Record<string, string>;
  /** A node's processes end at once, its tasks' too; it stays away. */
  lose: () => Promise<void>;
  close: () => Promise<void>;
}

/**
 * Installs Ray in an environment of its own and starts a cluster.
 * @param env of the nodes, and so of what runs on them.
 * @returns a sentence that says why not, when it cannot be had here.
 * @throws Error instead, where CI=true.
 */
export async function startRay(env: Record<string, string> = {}): Promise<Ray | string> {
  let python: string;
  try {
    python = ensureVenv("test/.venv-ray", "test/servers/ray-requirements.txt", console.log);
  } catch (error) {
    if (process.env["CI"] === "true") throw error;
    return `Ray cannot be installed: ${(error as Error).message}`;
  }
  const quiet = { RAY_USAGE_STATS_ENABLED: "0", RAY_DISABLE_IMPORT_WARNING: "1" };
  const child = spawn(python, ["-u", "test/servers/ray_cluster.py"], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, ...quiet, ...env },
  });
  let said = "";
  child.stderr.on("data", (chunk) => {
    said = (said + chunk).slice(-5_000);
  });
  const ended = once(child, "exit").then(() => Promise.reject(new Error(`Ray's cluster ended: ${said}`)));
  ended.catch(() => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  // Ray itself writes a line now and then.
  const answer = async (): Promise<{ address?: string }> => {
    for (;;) {
      const { value = "" } = await Promise.race([lines.next(), ended]);
      if (value.startsWith("{")) return JSON.parse(value);
    }
  };
  const { address = "" } = await answer();
  return {
    env: { ...quiet, RAY_ADDRESS: address, WIT_RAY_PYTHON: python },
    lose: async () => {
      child.stdin.write("\n");
      await answer();
    },
    close: async () => {
      child.stdin.end();
      await ended.catch(() => {});
    },
  };
}
