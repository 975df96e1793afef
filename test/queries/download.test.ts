import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { DumpServer, defaultHours, missingBytes } from "../../queries/download.ts";
import { run } from "../cli.ts";
import { temporaryFolder } from "../folder.ts";
import { bzip2, SAMPLE, tinyWordNet, unpack } from "./fixtures.ts";

const folder = temporaryFolder("download");

const sha1 = (bytes: Buffer) => createHash("sha1").update(bytes).digest("hex");
const xml = unpack(SAMPLE);
const middle = xml.indexOf("  <page>", 3_000_000);
const head = xml.subarray(0, xml.indexOf("  <page>"));
const one = bzip2(Buffer.concat([xml.subarray(0, middle), Buffer.from("</mediawiki>\n")]));
const two = bzip2(Buffer.concat([head, xml.subarray(middle)]));
const dump = (date: string) => `enwiki-${date}-pages-articles-multistream`;

/** The dump server's folders: a dump that is done, a newer one that is not, an index, page views. */
const files = new Map<string, Buffer>();
const name1 = `${dump("20240101")}1.xml-p1p41242.bz2`;
const name2 = `${dump("20240101")}2.xml-p41243p151573.bz2`;
const put = (path: string, bytes: Buffer | string) => files.set(path, Buffer.from(bytes));
put(
  "/enwiki/",
  `<a href="../">../</a> <a href="20231220/">20231220/</a> <a href="20240101/">20240101/</a> <a href="20240120/">20240120/</a> <a href="latest/">latest/</a>`,
);
put(
  "/enwiki/20240120/dumpstatus.json",
  JSON.stringify({ jobs: { articlesmultistreamdump: { status: "in-progress" } } }),
);
const entry = (name: string, bytes: Buffer) => [
  name,
  { size: bytes.length, url: `/enwiki/20240101/${name}`, md5: "x", sha1: sha1(bytes) },
];
put(
  "/enwiki/20240101/dumpstatus.json",
  JSON.stringify({
    version: "0.8",
    jobs: {
      articlesmultistreamdump: {
        status: "done",
        files: Object.fromEntries([
          entry(name2, two),
          entry(name1, one),
          entry(`${dump("20240101")}-index1.txt-p1p41242.bz2`, one),
        ]),
      },
    },
  }),
);
put(`/enwiki/20240101/${name1}`, one);
put(`/enwiki/20240101/${name2}`, two);
put("/enwiki/20240101/enwiki-20240101-sha1sums.txt", `${sha1(one)}  ${name1}\n${sha1(two)}  ${name2}\n`);
for (const hour of defaultHours("20240101"))
  put(
    `/other/pageviews/${hour.slice(0, 4)}/${hour.slice(0, 4)}-${hour.slice(4, 6)}/pageviews-${hour.slice(0, 8)}-${hour.slice(8)}0000.gz`,
    gzipSync("en Abraham_Lincoln 50 0\nen Alien_planet 2 0\n"),
  );

interface Seen {
  method: string;
  path: string;
  range: string | undefined;
  agent: string | undefined;
}

/** A server of dumps; `fault` may spoil an answer and returns whether it did. */
async function serve(
  fault: (path: string, from: number, response: ServerResponse, body: Buffer) => boolean = () => false,
) {
  const seen: Seen[] = [];
  let open = 0;
  let most = 0;
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    const { range, "user-agent": agent } = request.headers;
    seen.push({ method: request.method ?? "", path, range, agent });
    const body = files.get(path);
    if (!body) return void response.writeHead(404).end();
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
    if (request.method === "GET" && fault(path, from, response, body)) return;
    const rest = body.subarray(from);
    response.writeHead(range ? 206 : 200, {
      "content-length": rest.length,
      ...(range && { "content-range": `bytes ${from}-${body.length - 1}/${body.length}` }),
    });
    response.end(request.method === "HEAD" ? undefined : rest);
  });
  server.on("connection", (socket) => {
    most = Math.max(most, ++open);
    socket.on("close", () => open--);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  after(() => server.close());
  return { url, seen, most: () => most };
}

test("the newest dump that is done, its parts in order, an hour of each month before it", async () => {
  const server = await serve();
  const client = new DumpServer(server.url, "test");
  const plan = await client.plan("enwiki", undefined, undefined, "cache");
  assert.equal(plan.date, "20240101");
  assert.deepEqual(
    plan.dump.map(({ path }) => path),
    [join("cache", name1), join("cache", name2)],
  );
  assert.deepEqual(
    plan.dump.map(({ size }) => size),
    [one.length, two.length],
  );
  assert.equal(plan.pageviews.length, 12);
  assert.match(plan.pageviews[0]?.url ?? "", /\/other\/pageviews\/2023\/2023-12\/pageviews-20231215-220000\.gz$/);
  await assert.rejects(client.plan("enwiki", "20240120", [], "cache"), /no complete dump of 20240120/);
  await assert.rejects(client.plan("xxwiki", undefined, [], "cache"), /xxwiki\/: HTTP 404/);
  await client.close();
});

test("a transfer that breaks is gone on with; what is whole and wrong is fetched anew; two connections", async () => {
  const broken = new Map<string, number>();
  const server = await serve((path, from, response, body) => {
    const times = broken.get(path) ?? 0;
    broken.set(path, times + 1);
    if (path.endsWith(name1) && times < 2) {
      // Announced whole, cut after a part.
      response.writeHead(from > 0 ? 206 : 200, {
        "content-length": body.length - from,
        ...(from > 0 && { "content-range": `bytes ${from}-${body.length - 1}/${body.length}` }),
      });
      response.write(body.subarray(from, from + 200_000), () => response.destroy());
      return true;
    }
    if (path.endsWith(name2) && times === 0) {
      const spoiled = Buffer.from(body);
      spoiled[1000] = (spoiled[1000] ?? 0) ^ 1;
      response.writeHead(200, { "content-length": body.length }).end(spoiled);
      return true;
    }
    if (path.endsWith(name2) && times === 1) {
      response.writeHead(503, { "retry-after": "0" }).end();
      return true;
    }
    return false;
  });
  const cache = join(folder, "broken");
  const client = new DumpServer(server.url, "test");
  const { dump: parts } = await client.plan("enwiki", "20240101", [], cache);
  assert.equal(missingBytes(parts, cache), one.length + two.length);
  await client.fetch(parts, true);
  assert.ok(readFileSync(join(cache, name1)).equals(one));
  assert.ok(readFileSync(join(cache, name2)).equals(two));
  assert.equal(missingBytes(parts, cache), 0);
  const ranges = server.seen.filter(({ path }) => path.endsWith(name1)).map(({ range }) => range);
  assert.equal(ranges[0], undefined);
  assert.match(ranges[2] ?? "", /^bytes=[1-9]\d*-$/);
  assert.ok(server.most() <= 2, String(server.most()));
  await client.close();
});

test("a file that is gone is named, and nothing is left under its name", async () => {
  const server = await serve();
  const client = new DumpServer(server.url, "test");
  const path = join(folder, "gone.bz2");
  await assert.rejects(
    client.fetch([{ url: `${server.url}/gone.bz2`, path, size: 5 }], true),
    /gone\.bz2: HTTP 404; run the same command again/,
  );
  assert.ok(!existsSync(path));
  await client.close();
});

test("build-queries --download: size first, then dump and page views into the cache, and a list from them", async () => {
  const server = await serve();
  const data = join(folder, "data");
  const small = ["--min-count", "20", "--wordnet", tinyWordNet(folder)];
  const build = ["build-queries", "--data", data, "--mirror", server.url, "--download", ...small];
  const unasked = await run(build);
  assert.equal(unasked.code, 2);
  assert.match(unasked.error, /1\.7 MB in 14 files are to be fetched into .*cache: add --yes to agree/);
  assert.ok(!existsSync(join(data, "cache", name1)));
  const agreed = await run([...build, "--yes"]);
  assert.equal(agreed.code, 0, agreed.error);
  assert.match(agreed.out, /106 articles/);
  assert.match(agreed.out, /page views: 12 hours of 12 days \(2023-01-15 to 2023-12-15\)/);
  const rows = readFileSync(join(data, "queries.tsv"), "utf8");
  const lincoln = rows.split("\n").find((row) => row.startsWith("abraham lincoln\t"));
  assert.match(lincoln ?? "", /^abraham lincoln\tbigram\t\d+\t[\d.]+\tbigram,title\t600$/);
  assert.ok(server.seen.every(({ agent }) => agent?.startsWith("webimagetext/")));

  // Fetched once: a second run asks for sizes, not for files; a single part by its address is there too.
  const before = server.seen.length;
  assert.equal((await run([...build, "--yes", "--quiet"])).code, 0);
  assert.ok(server.seen.slice(before).every(({ method, path }) => method === "HEAD" || !/\.(bz2|gz)$/.test(path)));
  const other = ["--data", join(folder, "other"), "--dump", `${server.url}/enwiki/20240101/${name1}`, "--yes"];
  const { code, error } = await run(["build-queries", ...other, ...small, "--quiet"]);
  assert.equal(code, 0, error);
  assert.ok(existsSync(join(folder, "other", "cache", name1)));
});
