import { setTimeout as sleep } from "node:timers/promises";
import { openForReading } from "./database.ts";
import { type Amounts, amountsOf, formatWatch } from "./report/terminal-watch.ts";
import { collectStats } from "./stats.ts";

/** Looking takes at most this share of a processor, so that the crawl beside it keeps its own. */
const LOOKING = 0.05;

/**
 * Shows a workspace's statistics again and again, also while a crawl writes it, until the process is stopped: a screen
 * on a terminal, a block or a JSON line elsewhere.
 * @param seconds between two looks; longer when a look itself takes long.
 */
export async function watch(data: string, seconds: number, json: boolean): Promise<never> {
  let before: Amounts | undefined;
  let last = 0;
  for (;;) {
    const started = performance.now();
    const cpu = process.cpuUsage();
    // Opened anew each time: a reader that stays would keep the crawl's write-ahead log from being emptied.
    const db = openForReading(data);
    const stats = collectStats(db, { top: 200 });
    db.close();
    const since = before ? (started - last) / 1000 : undefined;
    const text = json
      ? JSON.stringify({
          at: new Date().toISOString(),
          ...amountsOf(stats),
          states: stats.states,
          funnel: stats.funnel,
        })
      : formatWatch(stats, before, since);
    // Home, the text with every line's rest cleared, then the rest of the screen: no flicker.
    const screen = process.stdout.isTTY && !json;
    process.stdout.write(
      screen ? `\u001b[H${text.replaceAll("\n", "\u001b[K\n")}\u001b[K\n\u001b[J` : `${text}\n${json ? "" : "\n"}`,
    );
    before = amountsOf(stats);
    last = started;
    const { user, system } = process.cpuUsage(cpu);
    await sleep(Math.max(seconds * 1000, (user + system) / 1000 / LOOKING));
  }
}
