/**
 * Loaded into a crawl with `--import`: writes to the file WIT_LAG, once it has begun to fetch, how long its event loop was
 * ever kept from its work. In milliseconds: by the clock, and by the processor time of its thread, since clocks lie on a busy machine.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { writeFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";

const TURN_MS = 10;
const file = process.env["WIT_LAG"];

function watch(): void {
  unsubscribe("undici:request:create", watch);
  const delay = monitorEventLoopDelay({ resolution: TURN_MS });
  delay.enable();
  let most = 0;
  let last = process.threadCpuUsage();
  setInterval(() => {
    const now = process.threadCpuUsage();
    most = Math.max(most, (now.user + now.system - last.user - last.system) / 1000);
    last = now;
  }, TURN_MS).unref();
  process.on("exit", () => writeFileSync(file ?? "", JSON.stringify({ clock: delay.max / 1e6, cpu: most })));
}

// Not in the crawl's threads and decoders, which are told the same options.
if (file && isMainThread && process.argv[1]?.endsWith("cli.ts")) subscribe("undici:request:create", watch);
