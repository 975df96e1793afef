import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import manifest from "../package.json" with { type: "json" };

/** What a crawl may take: 600 MiB with up to two decoders, one more for each core beyond two, up to eight. */
export const MOST_MIB = 600 + 60 * Math.max(0, Math.min(8, availableParallelism()) - 2);

/** Memory of a process and its children in MiB, shared pages shared out; 0 once it has ended. */
function memoryOf(pid: number): number {
  try {
    const kib = Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1]);
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean);
    return kib / 1024 + children.reduce((sum, child) => sum + memoryOf(Number(child)), 0);
  } catch {
    return 0;
  }
}

/**
 * Runs `npm run NAME -- OPTIONS` to its end, but with the node that npm would start: npm's own memory is not asked for.
 * @param seen is told its memory in MiB, every so many milliseconds.
 */
export async function runWatched(
  name: "discover" | "download" | "crawl",
  options: readonly string[],
  everyMs: number,
  seen: (mib: number) => void,
): Promise<{ code: number | null; error: string }> {
  const [, ...command] = manifest.scripts[name].split(" ");
  const child = spawn(process.execPath, [...command, ...options], { stdio: ["ignore", "ignore", "pipe"] });
  let error = "";
  child.stderr.on("data", (chunk) => {
    error += chunk;
  });
  const sampling = setInterval(() => seen(memoryOf(child.pid ?? 0)), everyMs);
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  clearInterval(sampling);
  return { code, error };
}
