/** `npm run sample-web`: serves the sample web until it is stopped, and says how to crawl it. */
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startSampleWeb } from "./server.ts";
import { formatTruth } from "./truth.ts";

const USAGE = "usage: npm run sample-web -- [--port N] [--scale 0..1] [--truth FILE] [--json]";

function wrongUse(error: Error): never {
  console.error(`error: ${error.message}\n${USAGE}`);
  process.exit(2);
}

process.once("uncaughtException", wrongUse);
const { values } = parseArgs({
  options: {
    help: { type: "boolean", default: false },
    port: { type: "string", default: "8571" },
    scale: { type: "string", default: "1" },
    truth: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
process.off("uncaughtException", wrongUse);
if (values.help) {
  console.log(`${USAGE}
  --port N      instead of 8571
  --scale X     only this part of it
  --truth FILE  write what a perfect crawl keeps and drops, pair by pair, as JSON
  --json        print seeds and options as JSON`);
  process.exit(0);
}
const scale = Number(values.scale);
if (!(scale > 0 && scale <= 1)) wrongUse(new Error(`--scale ${values.scale}: expected a number above 0, at most 1`));
if (!/^\d+$/.test(values.port)) wrongUse(new Error(`--port ${values.port}: expected a number`));
const web = await startSampleWeb({ port: Number(values.port), scale }).catch((error: Error) => {
  console.error(`error: ${error.message}: choose another --port`);
  process.exit(1);
});
if (values.truth !== undefined) writeFileSync(values.truth, JSON.stringify(web.truth));
if (values.json) {
  const { port, seeds, resolve, hostLimits } = web;
  console.log(JSON.stringify({ port, seeds, resolve, hostLimits }));
} else {
  const limits = join(tmpdir(), `sample-web-${web.port}.tsv`);
  writeFileSync(limits, web.hostLimits);
  console.log(`${formatTruth(web.truth)}

Crawl it from another terminal:
  npm run crawl -- --seeds ${web.seeds.join(" ")} \\
    --resolve ${web.resolve.join(" ")} \\
    --allow-private 127.0.0.0/8 --host-limits ${limits}
(\`npm run crawl -- --sample-web\` starts it by itself.) Ctrl-C stops it.`);
}
