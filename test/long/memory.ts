/**
 * `npm run test:memory`: what a run holds. Reading a Parquet list of a million rows (WIT_ROWS) with 500,000 queries must take
 * less than 500 MB, judging threads included. Over 100,000 small pictures (WIT_PICTURES) its memory must not grow, and with 256
 * requests in flight to hosts that send 19 MB each, announced or not, some without end, it must stay below 600 MiB, two
 * decoders included; and below it too while a hundred sites (WIT_SITES) send a sitemap of 40 MB each and pages that inflate
 * to more than is read, and while 400 hosts (WIT_ROBOTS) have a robots.txt of 500 KB each.
 */
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { parquetWriteFile } from "hyparquet-writer";
import { embeddedWordNet, readSynsets } from "../../queries/wordnet.ts";
import { openForReading } from "../../store/database.ts";
import { run, useShortList } from "../cli.ts";
import { photo } from "../filters/image/photo.ts";
import { temporaryFolder } from "../folder.ts";
import { MOST_MIB, runWatched } from "../watched.ts";

const PICTURES = Number(process.env["WIT_PICTURES"] ?? 100_000);
const LARGE = 400;
const HOSTS = 32;
const IN_FLIGHT = 8;
const SITES = Number(process.env["WIT_SITES"] ?? 100);
const ROBOTS = Number(process.env["WIT_ROBOTS"] ?? 400);
const ROWS = Number(process.env["WIT_ROWS"] ?? 1_000_000);
const DISCOVER_MB = 500;
/** From the second tenth to the last: caches fill up in the first, but for SQLite's, which has 100 MB. */
const MOST_GROWTH_MIB = 60;

/** The most memory that discovering took, in MiB. */
async function mostDiscovering(options: readonly string[]): Promise<number> {
  let most = 0;
  const { code, error } = await runWatched("discover", options, 100, (mib) => {
    most = Math.max(most, mib);
  });
  assert.equal(code, 0, error);
  return most;
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

/** Crawls `count` pictures; returns the highest memory while each tenth of them was downloaded, and while the shards were written. */
async function crawl(
  t: TestContext,
  kind: "small" | "large",
  count: number,
): Promise<{ memory: number[]; shards: number; busiest: number }> {
  const folder = temporaryFolder("memory");
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
  const stage = async (name: "download" | "crawl", seen: (mib: number) => void): Promise<void> => {
    const { code, error } = await runWatched(name, options, 200, seen);
    assert.equal(code, 0, `${name}: ${error}`);
  };
  const memory = Array.from({ length: 10 }, () => 0); // a tenth may be over between two looks
  await stage("download", (mib) => {
    const tenth = Math.min(Math.floor((served / count) * 10), 9);
    memory[tenth] = Math.max(memory[tenth] ?? 0, mib);
  });
  let shards = 0;
  await stage("crawl", (mib) => {
    shards = Math.max(shards, mib);
  });
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
    `memory by tenths in MiB: ${memory.map((mib) => mib.toFixed(0)).join(", ")}; writing shards ${shards.toFixed(0)}; at most ${busiest} in flight`,
  );
  return { memory, shards, busiest };
}

test(`${PICTURES} pictures: the memory is flat`, async (t) => {
  const { memory } = await crawl(t, "small", PICTURES);
  const [, second = 0] = memory;
  assert.ok((memory.at(-1) ?? 0) - second < MOST_GROWTH_MIB);
});

test(`${HOSTS * IN_FLIGHT} requests in flight to hosts that send 19 MB each`, async (t) => {
  const { memory, shards, busiest } = await crawl(t, "large", LARGE);
  assert.ok(Math.max(...memory, shards) < MOST_MIB);
  assert.ok(busiest > 100, "many at once, or nothing is shown");
});

const SITEMAP_BYTES = 40 * 1024 * 1024;
const ENTRIES = 200;

/** A sitemap whose entries stand far apart. */
function sitemapOf(site: string): Buffer {
  const between = `${" ".repeat(SITEMAP_BYTES / ENTRIES - 200)}\n`;
  const entries = Array.from(
    { length: ENTRIES },
    (_, i) =>
      `<url><loc>${site}/</loc><image:image><image:loc>${site}/${i}.jpg</image:loc><image:caption>A drawing of an apple and a horse ${i}</image:caption></image:image></url>`,
  );
  const namespaces =
    'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"';
  return Buffer.from(`<urlset ${namespaces}>${entries.join(between)}${between}</urlset>`);
}

test(`${SITES} sites with a sitemap of ${SITEMAP_BYTES / 1024 / 1024} MB and pages that inflate to 50 MB`, async (t) => {
  const folder = temporaryFolder("memory");
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const bomb = gzipSync(Buffer.concat([Buffer.from("<p>"), Buffer.alloc(50 * 1024 * 1024, "text ")]), { level: 1 });
  const server = createServer((request, response) => {
    const site = `http://${request.headers.host}`;
    if (request.url === "/robots.txt") return void response.end(`sitemap: ${site}/sitemap.xml`);
    if (request.url === "/sitemap.xml")
      return void response.setHeader("content-type", "application/xml").end(sitemapOf(site));
    response.setHeader("content-type", "text/html");
    if (request.url === "/") response.end("<a href=/bomb.html>a page</a>");
    else if (request.url === "/bomb.html") response.setHeader("content-encoding", "gzip").end(bomb);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", 1024, resolve));
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const sites = Array.from({ length: SITES }, (_, i) => `s${i}.example:${port}`);
  const [seeds, limits, data] = [join(folder, "seeds.txt"), join(folder, "limits.tsv"), join(folder, "data")];
  writeFileSync(seeds, sites.map((site) => `http://${site}/`).join("\n"));
  writeFileSync(limits, "127.0.0.0/8\t0\t100000\t1000\n");
  useShortList(data, ["apple", "horse"]);
  const options = [
    ...["--data", data, "--seeds-file", seeds, "--host-limits", limits, "--user-agent", "test", "--quiet"],
    ...["--allow-private", "127.0.0.0/8", "--resolve", ...sites.map((site) => `${site}:127.0.0.1`)],
  ];
  const most = await mostDiscovering(options);
  const db = openForReading(data);
  const pages = db.prepare<[], { end: string; n: number }>(
    "SELECT coalesce(reason, state) AS end, count(*) AS n FROM page GROUP BY 1 ORDER BY 1",
  );
  const pairs = db.prepare<[], number>("SELECT count(*) FROM pair").pluck().get();
  const ends = pages.all();
  db.close();
  t.diagnostic(`at most ${most.toFixed(0)} MiB; ${ends.map(({ end, n }) => `${end} ${n}`).join(", ")}`);
  assert.deepEqual(ends, [
    { end: "done", n: 2 * SITES },
    { end: "too_large", n: SITES },
  ]);
  assert.equal(pairs, SITES * ENTRIES);
  assert.ok(most > 100 && most < MOST_MIB, `${most.toFixed(0)} MiB`);
});

/** A robots.txt of 500 KB, another one for each host, whose rules are as short as they can be. */
function robotsOf(host: string): string {
  const first = Number(/\d+/.exec(host)?.[0]);
  const rules = Array.from(
    { length: 46_000 },
    (_, i) => `Allow:/${((first + i) % 46_656).toString(36).padStart(3, "0")}`,
  );
  return `User-agent: *\n${rules.join("\n")}`;
}

test(`${ROBOTS} hosts with a robots.txt of 500 KB`, async (t) => {
  const folder = temporaryFolder("memory");
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const server = createServer((request, response) => {
    if (request.url === "/robots.txt") return void response.end(robotsOf(request.headers.host ?? ""));
    if (request.url !== "/") return void response.writeHead(404).end();
    response.setHeader("content-type", "text/html").end('<img src="/a.jpg" alt="An apple beside a horse">');
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", 1024, resolve));
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const [seeds, limits, data] = [join(folder, "seeds.txt"), join(folder, "limits.tsv"), join(folder, "data")];
  const sites = Array.from({ length: ROBOTS }, (_, i) => `http://h${i}.localhost:${port}/`);
  writeFileSync(seeds, sites.join("\n"));
  writeFileSync(limits, "127.0.0.0/8\t0\t100000\t1000\n");
  useShortList(data, ["apple", "horse"]);
  const most = await mostDiscovering([
    ...["--data", data, "--seeds-file", seeds, "--host-limits", limits, "--user-agent", "test", "--quiet"],
    ...["--allow-private", "127.0.0.0/8"],
  ]);
  const db = openForReading(data);
  const files = db
    .prepare<[], number>("SELECT count(*) FROM site_file WHERE url LIKE '%/robots.txt' AND length(body) > 500000")
    .pluck();
  const pairs = db.prepare<[], number>("SELECT count(*) FROM pair").pluck();
  const counts = [files.get(), pairs.get()];
  db.close();
  t.diagnostic(`at most ${most.toFixed(0)} MiB`);
  assert.deepEqual(counts, [ROBOTS, ROBOTS]);
  assert.ok(most > 100 && most < MOST_MIB, `${most.toFixed(0)} MiB`);
});

/** A list as LAION's are: Snappy, row groups of 500,000. */
function writeList(file: string, lemmas: readonly string[]): void {
  const lemma = (i: number) => lemmas[i % lemmas.length];
  const rows = <T>(value: (i: number) => T) => Array.from({ length: ROWS }, (_, i) => value(i));
  parquetWriteFile({
    filename: file,
    rowGroupSize: 500_000,
    columnData: [
      { name: "URL", type: "STRING", data: rows((i) => `https://cdn.shop${i % 40_000}.example/uploads/${i}.jpg`) },
      {
        name: "TEXT",
        type: "STRING",
        data: rows((i) => `A ${lemma(i)} beside a ${lemma(i * 7)} and the ${lemma(i * 31)}`),
      },
      { name: "similarity", type: "DOUBLE", data: rows((i) => 0.3 + (i % 100) / 1_000) },
    ],
  });
}

test(`discover: a list of ${ROWS} rows in less than ${DISCOVER_MB} MB`, async (t) => {
  const folder = temporaryFolder("memory");
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [list, data] = [join(folder, "list.parquet"), join(folder, "data")];
  const lemmas = [...new Set([...readSynsets(embeddedWordNet())].flatMap((synset) => synset.lemmas))].sort();
  writeList(list, lemmas);
  const terms = new Set(lemmas);
  for (let i = 0; terms.size < 500_000; i++)
    terms.add(`${lemmas[i % lemmas.length]} ${lemmas[(i * 7919 + Math.floor(i / lemmas.length)) % lemmas.length]}`);
  useShortList(data, [...terms]);
  const most = await mostDiscovering(["--data", data, "--urls", list, "--user-agent", "test", "--quiet"]);
  const db = openForReading(data);
  const rows = db.prepare<[], number>("SELECT count(*) FROM pair").pluck().get();
  db.close();
  assert.equal(rows, ROWS, "every row was read");
  const megabytes = (most * 1024 * 1024) / 1e6;
  t.diagnostic(`at most ${megabytes.toFixed(0)} MB`);
  assert.ok(megabytes > 100 && megabytes < DISCOVER_MB, `${megabytes.toFixed(0)} MB`);
});
