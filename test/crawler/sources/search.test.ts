import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, beforeEach, test } from "node:test";
import { discover } from "../../../crawler/discover.ts";
import { JudgePool } from "../../../crawler/judge-pool.ts";
import { Net } from "../../../crawler/net.ts";
import type { SearchApi } from "../../../crawler/sources/search/api.ts";
import { commons } from "../../../crawler/sources/search/commons.ts";
import { flickr } from "../../../crawler/sources/search/flickr.ts";
import { LeastFilled } from "../../../crawler/sources/search/least-filled.ts";
import { openverse } from "../../../crawler/sources/search/openverse.ts";
import { searchByQuery } from "../../../crawler/sources/search/search.ts";
import { buildTable } from "../../../filters/matcher-table.ts";
import { closeDatabase, type Database, openDatabase } from "../../../store/database.ts";
import type { Term } from "../../../store/types.ts";
import { temporaryFolder } from "../../folder.ts";
import { type Answer, type ApiServer, commonsFile, startApi } from "../../servers/search-apis.ts";

const TERMS = ["apple", "bear", "bridge"];
const terms = TERMS.map((term): Term => ({ term, source: "unigram", count: 200, score: 0 }));
const pool = new JudgePool(() => buildTable(terms, "fold", ""), {
  profile: "clip",
  lang: "any",
  match: "fold",
  optOut: "obey",
});
after(() => pool.close());
let db: Database;
let net: Net;
const servers: ApiServer[] = [];

beforeEach(() => {
  const folder = temporaryFolder("search");
  const limits = join(folder, "limits.tsv");
  writeFileSync(limits, "127.0.0.0/8\t0\t10000\t4\n");
  db = openDatabase(folder);
  for (const [id, term] of TERMS.entries())
    db.prepare("INSERT INTO query (id, term, source, wiki_count, score) VALUES (?, ?, 'unigram', 200, 0)").run(
      id,
      term,
    );
  net = new Net(db, { userAgent: "test", allowPrivate: ["127.0.0.0/8"], resolve: [], hostLimits: limits });
});
afterEach(async () => {
  await net.close();
  closeDatabase(db);
  for (const server of servers.splice(0)) await server.close();
});

async function serve(answer: (url: URL, count: number) => Answer): Promise<ApiServer> {
  const server = await startApi(answer);
  servers.push(server);
  return server;
}

const run = async (api: SearchApi, cap = 100, stop = new AbortController().signal) =>
  discover(db, searchByQuery(db, net, api, { cap, judges: await pool.judges() }, stop), pool, undefined, () => {});
const states = () => db.prepare("SELECT term, state, pages, found FROM search ORDER BY term").all();
const askedFor = (server: ApiServer, name: string) => server.asked.map((url) => url.searchParams.get(name) ?? "");

/** Pages of two files for each query, as Commons continues: two pages of "apple", one of the others. */
function commonsAnswer(url: URL): Answer {
  const term = /"(.*)"/.exec(url.searchParams.get("gsrsearch") ?? "")?.[1] ?? "";
  const offset = Number(url.searchParams.get("gsroffset") ?? 0);
  const pages = [1, 2].map((n) =>
    commonsFile(`${term} ${offset + n}.jpg`, `<p>A <b>${term}</b> &amp; number ${offset + n}</p>`),
  );
  const more = term === "apple" && offset === 0 ? { continue: { gsroffset: 50, continue: "gsroffset||" } } : {};
  return { body: { batchcomplete: true, ...more, query: { pages } } };
}

test("Commons: every query to its end, continued, texts without markup, licence and author kept", async () => {
  const server = await serve(commonsAnswer);
  await run(commons(server.address));
  assert.deepEqual(askedFor(server, "gsroffset"), ["", "50", "", ""]);
  assert.deepEqual(askedFor(server, "continue"), ["", "gsroffset||", "", ""]);
  assert.ok(server.asked.every((url) => url.searchParams.get("maxlag") === "5"));
  assert.deepEqual(states(), [
    { term: "apple", state: "exhausted", pages: 2, found: 8 },
    { term: "bear", state: "exhausted", pages: 1, found: 4 },
    { term: "bridge", state: "exhausted", pages: 1, found: 4 },
  ]);
  const pair = db.prepare<[], Record<string, string>>("SELECT * FROM pair WHERE caption = 'A apple & number 1'").get();
  assert.equal(pair?.["image_url"], "https://upload.example/thumb/apple_1.jpg/1024px-apple_1.jpg");
  assert.equal(pair?.["page_url"], "https://commons.example/wiki/File:apple_1.jpg");
  assert.equal(pair?.["licence"], "https://creativecommons.org/licenses/by-sa/4.0");
  const { query, page, author, date } = JSON.parse(pair?.["origin"] ?? "{}");
  assert.deepEqual([query, page, author], ["apple", 1, "Jane Doe"]);
  assert.ok(Date.parse(date) > 0);
  assert.equal(await run(commons(server.address)), 0, "nothing is asked again");
  assert.equal(server.asked.length, 4);
});

test("Commons: films are counted, drawings come rendered, small pictures as they are", async () => {
  const files = [
    commonsFile("a bear.webm", "x", { mime: "video/webm" }),
    commonsFile("b bear.svg", "drawing of a bear", { mime: "image/svg+xml", width: 100 }),
    commonsFile("c bear.png", "small bear", { mime: "image/png", width: 500 }),
    { pageid: 2, title: "File:no imageinfo yet.jpg" },
  ];
  const server = await serve(() => ({ body: { query: { pages: files } } }));
  await run(commons(server.address));
  const addresses = db.prepare("SELECT DISTINCT image_url FROM pair ORDER BY 1").pluck().all();
  assert.deepEqual(addresses, [
    "https://upload.example/c_bear.png",
    "https://upload.example/thumb/b_bear.svg/1024px-b_bear.svg",
  ]);
  assert.deepEqual(db.prepare("SELECT reason, pairs FROM tally").all(), [{ reason: "not_picture", pairs: 3 }]);
});

test("the least filled query first; a query stops at the cap and goes on when the cap is raised", async () => {
  const add = db.prepare(
    "INSERT INTO pair (id, image_url, caption, kind, source, host, state, queries) VALUES (?, ?, 'x', 'alt', 'web', 'h', 'candidate', ?)",
  );
  for (let i = 0; i < 3; i++) add.run(`a${i}`, `https://h/${i}`, "[0]");
  add.run("b", "https://h/b", "[2]");
  const server = await serve((url) => {
    const term = /"(.*)"/.exec(url.searchParams.get("gsrsearch") ?? "")?.[1] ?? "";
    const offset = Number(url.searchParams.get("gsroffset") ?? 0);
    return {
      body: {
        continue: { gsroffset: offset + 1, continue: "-||" },
        query: { pages: [commonsFile(`${term}.jpg`, `${term} number ${offset}`)] },
      },
    };
  });
  await run(commons(server.address), 4);
  const order = askedFor(server, "gsrsearch").map((text) => text.replaceAll('"', ""));
  assert.deepEqual([...new Set(order)], ["bear", "bridge", "apple"]);
  for (const { matched } of db.prepare<[], { matched: number }>("SELECT matched FROM query").all())
    assert.ok(matched < 4);
  const full = db.prepare("SELECT state, count(*) AS n FROM search GROUP BY 1").all();
  assert.deepEqual(full, [{ state: "full", n: 3 }]);
  const before = server.asked.length;
  await run(commons(server.address), 6);
  assert.ok(server.asked.length > before);
  assert.notEqual(server.asked[before]?.searchParams.get("gsroffset"), null, "from where it was");
});

test("a stopped run goes on at the query and page it left", async () => {
  const whole = await serve(commonsAnswer);
  const stopped = await serve(commonsAnswer);
  const stop = new AbortController();
  const source = searchByQuery(
    db,
    net,
    commons(stopped.address),
    { cap: 100, judges: await pool.judges() },
    stop.signal,
  );
  for await (const batch of source) {
    db.transaction(batch.done)();
    stop.abort();
  }
  assert.deepEqual(states(), [{ term: "apple", state: "open", pages: 1, found: 4 }]);
  await run(commons(stopped.address));
  db.exec("DELETE FROM search");
  await run(commons(whole.address));
  assert.deepEqual(stopped.asked.map(String), whole.asked.map(String));
});

test("a busy server is asked again after the time it names: 429, 503, maxlag; a refused query is passed over", async () => {
  const lag = { error: { code: "maxlag", info: "Waiting for db1: 6 seconds lagged.", lag: 6 } };
  const busy: Answer[] = [
    { status: 429, headers: { "retry-after": "0" }, body: "slow down" },
    { headers: { "retry-after": "0.01" }, body: lag },
    { status: 503, headers: { "retry-after": "0" }, body: "" },
    { body: { error: { code: "cirrussearch-parse-error", info: "bad query" } } },
  ];
  const server = await serve((url, count) => busy[count - 1] ?? commonsAnswer(url));
  await run(commons(server.address));
  assert.deepEqual(states(), [
    { term: "apple", state: "refused", pages: 0, found: 0 },
    { term: "bear", state: "exhausted", pages: 1, found: 4 },
    { term: "bridge", state: "exhausted", pages: 1, found: 4 },
  ]);
});

test("Openverse: to the page where it ends", async () => {
  const server = await serve((url) => {
    const [term, page] = [url.searchParams.get("q")?.replaceAll('"', "") ?? "", Number(url.searchParams.get("page"))];
    const results = [
      {
        id: "1",
        title: `${term} ${page}`,
        foreign_landing_url: "https://photos.example/1",
        url: `https://img.example/${term}-${page}.jpg`,
        creator: "Ann",
        license: "by",
        license_version: "2.0",
        license_url: "https://creativecommons.org/licenses/by/2.0/",
        tags: [{ name: term }, { name: "garden" }],
      },
    ];
    return { body: { result_count: 3, page_count: term === "bear" ? 30 : 2, page_size: 20, page, results } };
  });
  await run(openverse(server.address));
  assert.deepEqual(
    db.prepare("SELECT term, pages FROM search ORDER BY term").all(),
    // Twenty pages are as deep as it goes.
    [
      { term: "apple", pages: 2 },
      { term: "bear", pages: 20 },
      { term: "bridge", pages: 2 },
    ],
  );
  const pair = db.prepare<[], Record<string, string>>("SELECT * FROM pair WHERE caption = 'apple, garden'").get();
  assert.equal(pair?.["licence"], "https://creativecommons.org/licenses/by/2.0/");
  assert.equal(JSON.parse(pair?.["origin"] ?? "{}").author, "Ann");
});

/** Photos spread over the years; as Flickr does, results behind the 4,000th repeat the last real ones. */
function flickrAnswer(photos: readonly { id: number; date: number }[]) {
  return (url: URL): Answer => {
    const number = (name: string) => Number(url.searchParams.get(name));
    const apple = url.searchParams.get("text") === '"apple"';
    const [from, to] = [number("min_upload_date"), number("max_upload_date")];
    const found = apple ? photos.filter(({ date }) => date >= from && date <= to) : [];
    const start = Math.min((number("page") - 1) * 500, 3_500);
    const photo = found.slice(start, start + 500).map(({ id, date }) => ({
      id: String(id),
      owner: "1@N00",
      ownername: "Bob",
      title: `apple ${id}`,
      license: "4",
      description: { _content: `An <i>apple</i> of the year, ${id}` },
      dateupload: String(date),
      url_l: `https://live.example/${id}_b.jpg`,
    }));
    const { length: total } = found;
    return {
      body: { stat: "ok", photos: { page: number("page"), pages: Math.ceil(total / 500), perpage: 500, total, photo } },
    };
  };
}

test("Flickr: a query with more than 4,000 results is split by date until every photo is found, each once", async () => {
  const photos = Array.from({ length: 9_500 }, (_, id) => ({ id, date: 1_200_000_000 + Math.floor(id ** 1.7) }));
  const server = await serve(flickrAnswer(photos));
  await run(flickr("key", server.address), 20_000);
  const pairs = db
    .prepare("SELECT count(DISTINCT image_url) AS images, count(*) AS pairs, max(seen) AS seen FROM pair")
    .get();
  assert.deepEqual(pairs, { images: 9_500, pairs: 19_000, seen: 1 });
  const pair = db
    .prepare<[], Record<string, string>>("SELECT * FROM pair WHERE caption = 'An apple of the year, 7'")
    .get();
  assert.equal(pair?.["licence"], "https://creativecommons.org/licenses/by/2.0/");
  assert.equal(pair?.["page_url"], "https://www.flickr.com/photos/1@N00/7/");
});

test("Flickr: no key, a wrong key", async () => {
  assert.throws(() => flickr(undefined), /FLICKR_API_KEY/);
  const server = await serve(() => ({
    body: { stat: "fail", code: 100, message: "Invalid API Key (Key has invalid format)" },
  }));
  await assert.rejects(run(flickr("wrong", server.address)), /flickr says 100: Invalid API Key.*FLICKR_API_KEY/);
});

test("the order of queries follows counts that grow meanwhile", () => {
  const counts = new Uint32Array([5, 0, 3, 0, 9]);
  const order = new LeastFilled([0, 1, 2, 3, 4], counts);
  const taken = [order.take()];
  counts[3] = 7;
  taken.push(order.take(), order.take());
  counts[4] = 20;
  taken.push(order.take(), order.take(), order.take());
  assert.deepEqual(taken, [1, 2, 0, 3, 4, undefined]);
});
