/**
 * `npm run test:memory`: what a crawl holds. Over 100,000 small pictures (WIT_PICTURES) its memory must not grow, and with 256
 * requests in flight to hosts that send 19 MB each, announced or not, some without end, it must stay below 600 MiB, all decoders
 * included. `discover` of a Parquet list of a million rows (WIT_ROWS) must stay below 500 MB, all threads included.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileWriter, parquetWriteRows } from "hyparquet-writer";
import manifest from "../../package.json" with { type: "json" };
import { openForReading } from "../../store/database.ts";
import { run } from "../cli.ts";
import { photo } from "../filters/image/photo.ts";
import { generator } from "../random.ts";

const PICTURES = Number(process.env["WIT_PICTURES"] ?? 100_000);
const ROWS = Number(process.env["WIT_ROWS"] ?? 1_000_000);
const LARGE = 400;
const HOSTS = 32;
const IN_FLIGHT = 8;
const MOST_MIB = 600;
const MOST_MB_OF_A_LIST = 500;
/** From the second tenth to the last: caches fill up in the first. */
const MOST_GROWTH_MIB = 40;

/** Memory of a process and its children in MiB, shared pages shared out. */
function memoryOf(pid: number): number {
  try {
    const kib = Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1]);
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean);
    return kib / 1024 + children.reduce((sum, child) => sum + memoryOf(Number(child)), 0);
  } catch {
    return 0; // It has just ended.
  }
}

const small = await photo(1, 100, 80).jpeg().toBuffer();
const padding = Buffer.alloc(1024 * 1024);

/** Behind the end of a picture decoders stop: padding makes it as large as it is to be. */
function answer(response: ServerResponse, path: string): void {
  const number = Number(/\d+/.exec(path)?.[0]);
  response.setHeader("content-type", "image/jpeg");
  if (path.startsWith("/small")) {
    response.end(Buffer.concat([small, Buffer.from(path)]));
    return;
  }
  // One in three announces its size, one does not, one never ends.
  const megabytes = number % 3 === 2 ? Number.POSITIVE_INFINITY : 19;
  if (number % 3 === 0) response.setHeader("content-length", small.length + path.length + megabytes * padding.length);
  response.write(small);
  response.write(path);
  let sent = 0;
  const more = () => {
    while (sent < megabytes && !response.destroyed) {
      sent++;
      if (!response.write(padding)) return;
    }
    if (!response.destroyed) response.end();
  };
  response.on("drain", more);
  more();
}

/** Crawls `count` pictures; returns the highest memory in each tenth of them. */
async function crawl(
  t: TestContext,
  kind: "small" | "large",
  count: number,
): Promise<{ memory: number[]; busiest: number }> {
  const folder = mkdtempSync(join(tmpdir(), "wit-memory-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  let served = 0;
  let now = 0;
  let busiest = 0;
  const server = createServer((request, response) => {
    if (!request.url?.endsWith(".jpg")) return void response.writeHead(404).end();
    served++;
    busiest = Math.max(busiest, ++now);
    response.on("close", () => now--);
    answer(response, request.url);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", 1024, resolve));
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const host = (i: number) => `h${i % HOSTS}.example:${port}`;
  const rows = Array.from(
    { length: count },
    (_, i) => `http://${host(i)}/${kind}/${i}.jpg,A drawing of an apple and a horse ${i}`,
  );
  const [list, limits] = [join(folder, "list.csv"), join(folder, "limits.tsv")];
  writeFileSync(list, ["url,caption", ...rows, ""].join("\n"));
  writeFileSync(limits, `127.0.0.0/8\t0\t100000\t${IN_FLIGHT}\n`);
  const options = [
    ...["--data", join(folder, "data"), "--cap", "1000000", "--urls", list, "--host-limits", limits],
    ...["--allow-private", "127.0.0.0/8", "--quiet", "--resolve"],
    ...Array.from({ length: HOSTS }, (_, i) => `${host(i)}:127.0.0.1`),
  ];
  const found = await run(["discover", ...options]);
  assert.equal(found.code, 0, found.error);
  const child = spawn(process.execPath, ["cli.ts", "crawl", ...options], { stdio: ["ignore", "ignore", "inherit"] });
  const memory = Array.from({ length: 10 }, () => 0); // a tenth may be over between two looks
  const sampling = setInterval(() => {
    const tenth = Math.min(Math.floor((served / count) * 10), 9);
    memory[tenth] = Math.max(memory[tenth] ?? 0, memoryOf(child.pid ?? 0));
  }, 200);
  const code = await new Promise((resolve) => child.on("close", resolve));
  clearInterval(sampling);
  assert.equal(code, 0);
  const db = openForReading(join(folder, "data"));
  const ends = db.prepare<[], { end: string; n: number }>(
    "SELECT coalesce(reason, state) AS end, count(*) AS n FROM pair GROUP BY 1 ORDER BY 1",
  );
  t.diagnostic(
    ends
      .all()
      .map(({ end, n }) => `${end} ${n}`)
      .join(", "),
  );
  db.close();
  t.diagnostic(
    `memory by tenths in MiB: ${memory.map((mib) => mib.toFixed(0)).join(", ")}; at most ${busiest} in flight`,
  );
  return { memory, busiest };
}

test(`${PICTURES} pictures: the memory is flat`, async (t) => {
  const { memory } = await crawl(t, "small", PICTURES);
  const [, second = 0] = memory;
  assert.ok((memory.at(-1) ?? 0) - second < MOST_GROWTH_MIB);
});

test(`${HOSTS * IN_FLIGHT} requests in flight to hosts that send 19 MB each`, async (t) => {
  const { memory, busiest } = await crawl(t, "large", LARGE);
  assert.ok(Math.max(...memory) < MOST_MIB);
  assert.ok(busiest > 100, "many at once, or nothing is shown");
});

/** Addresses of many sites, and captions of which one in two names a query; about 150 bytes a row. */
function* listRows(): Generator<{ url: string; caption: string }> {
  const random = generator(1);
  const letters = () => Math.floor(random() * 36 ** 5).toString(36);
  const frequent = Array.from({ length: 50_000 }, letters);
  for (let i = 0; i < ROWS; i++) {
    // Few words are frequent, as in a language.
    const words = Array.from({ length: 12 }, () => frequent[Math.floor(50_000 * random() ** 4)]);
    const site = Math.floor(random() * 40_000);
    const url = `https://shop${site}.example/wp-content/uploads/${letters()}${letters()}-${i}.jpg`;
    yield { url, caption: `${i % 2 ? "The photograph of a horse beside a bridge" : ""} ${words.join(" ")} ${i}` };
  }
}

test(`discover of a Parquet list of ${ROWS} rows`, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "wit-memory-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const list = join(folder, "list.parquet");
  const columns = ["url", "caption"].map((name) => ({ name, type: "STRING" as const }));
  parquetWriteRows({ writer: fileWriter(list), rows: listRows(), columns, rowGroupSize: 100_000 });
  t.diagnostic(`a list of ${(statSync(list).size / 1e6).toFixed(0)} MB`);
  // As the npm script does it, without npm's own memory.
  const [, ...script] = manifest.scripts.discover.split(" ");
  const data = join(folder, "data");
  const child = spawn(
    process.execPath,
    [...script, "--data", data, "--urls", list, "--user-agent", "test", "--quiet"],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  let peak = 0;
  const sampling = setInterval(() => {
    peak = Math.max(peak, memoryOf(child.pid ?? 0));
  }, 200);
  const code = await new Promise((resolve) => child.on("close", resolve));
  clearInterval(sampling);
  assert.equal(code, 0);
  const db = openForReading(data);
  assert.equal(db.prepare<[], number>("SELECT count(*) FROM pair").pluck().get(), ROWS);
  db.close();
  const megabytes = (peak * 1024 * 1024) / 1e6;
  t.diagnostic(`at most ${megabytes.toFixed(0)} MB`);
  assert.ok(megabytes < MOST_MB_OF_A_LIST);
});
