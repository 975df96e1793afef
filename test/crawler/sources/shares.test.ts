/** Ranks that share a source out find together what one process finds, and nothing twice: every source of bulk.ts. */
import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import tar from "tar-stream";
import { JudgePool } from "../../../crawler/judge-pool.ts";
import { Net } from "../../../crawler/net.ts";
import { type BulkSources, bulkSources } from "../../../crawler/sources/bulk.ts";
import { buildTable } from "../../../filters/matcher-table.ts";
import { closeDatabase, openDatabase } from "../../../store/database.ts";
import { type ArchivePage, warcMembers, watMembers } from "../../archives/write.ts";
import { temporaryFolder } from "../../folder.ts";
import { type ApiServer, commonsFile, startApi } from "../../servers/search-apis.ts";

const INPUTS = 7;
const folder = temporaryFolder("shares");
const at = (name: string) => join(folder, name);
const each = (name: (i: number) => string) => Array.from({ length: INPUTS }, (_, i) => at(name(i)));
const pool = new JudgePool(() => buildTable([{ term: "apple" }], "fold", ""), {
  profile: "clip",
  lang: "any",
  match: "fold",
  optOut: "obey",
});
let api: ApiServer;

const page = (i: number): ArchivePage => ({
  uri: `https://site${i}.example/`,
  html: Buffer.from(
    `<p><img src="/a.jpg" alt="An apple on page ${i}"><img src="/b.jpg" alt="A bear on page ${i}"></p>`,
  ),
});

async function shard(i: number): Promise<Buffer> {
  const pack = tar.pack();
  for (const name of ["a", "b"]) {
    pack.entry({ name: `${name}.jpg` }, "picture");
    pack.entry({ name: `${name}.txt` }, `Apple ${name} of shard ${i}`);
  }
  pack.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of pack) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

before(async () => {
  api = await startApi((url) => {
    const asked = /"(.*)"/.exec(url.searchParams.get("gsrsearch") ?? "")?.[1];
    return { body: { query: { pages: [1, 2].map((n) => commonsFile(`${asked} ${n}.jpg`, `An ${asked}, ${n}`)) } } };
  });
  writeFileSync(at("limits.tsv"), "127.0.0.0/8\t0\t10000\t4\n");
  for (let i = 0; i < INPUTS; i++) {
    const rows = [1, 2].map((n) => `http://list${i}.example/${n}.jpg,An apple ${n}\n`);
    writeFileSync(at(`list-${i}.csv`), `url,caption\n${rows.join("")}`);
    writeFileSync(at(`${i}.warc.wat.gz`), Buffer.concat(watMembers([page(i)])));
    const members = warcMembers([page(i)]);
    writeFileSync(at(`${i}.warc.gz`), Buffer.concat(members));
    const length = members.at(-1)?.length ?? 0;
    const offset = members.slice(0, -1).reduce((sum, { length }) => sum + length, 0);
    writeFileSync(at(`${i}.cdxj`), `${JSON.stringify({ filename: `${i}.warc.gz`, offset, length })}\n`);
    appendFileSync(at("wat.paths"), `${i}.warc.wat.gz\n`);
    const collection = at(`folder-${i}`);
    mkdirSync(collection);
    writeFileSync(join(collection, "a.jpg"), "picture");
    writeFileSync(join(collection, "a.txt"), `An apple in folder ${i}`);
    writeFileSync(at(`${i}.tar`), await shard(i));
  }
  writeFileSync(at("warc.paths.gz"), gzipSync(each((i) => `${i}.warc.gz`).join("\n")));
});
after(() => api.close());

/** The pairs that one of `world` processes finds, in order, with what they are. */
async function found(sources: BulkSources, rank: number, world: number): Promise<string[]> {
  const db = openDatabase(mkdtempSync(at("db-")));
  db.prepare("INSERT INTO query (id, term, source, wiki_count, score) VALUES (0, 'apple', 'unigram', 200, 0)").run();
  const net = new Net(db, {
    ...{ userAgent: "test", allowPrivate: ["127.0.0.0/8"], resolve: [], hostLimits: at("limits.tsv") },
  });
  const pairs: string[] = [];
  try {
    const context = { cap: 100, judges: () => pool.judges(), stop: new AbortController().signal, rank, world };
    for (const { batches } of bulkSources(db, net, { archiveBase: folder, ...sources }, context)) {
      for await (const { candidates, drops, done } of batches) {
        assert.deepEqual(drops, []);
        for (const { imageUrl, caption, source } of candidates) pairs.push(`${source} ${imageUrl} ${caption}`);
        done();
      }
    }
  } finally {
    await net.close();
    closeDatabase(db);
  }
  return pairs.sort();
}

const SOURCES: [name: string, pairs: number, sources: () => BulkSources][] = [
  ["lists", 14, () => ({ urls: each((i) => `list-${i}.csv`) })],
  ["lists by a pattern", 14, () => ({ urls: [at("list-*.csv")] })],
  ["WAT files", 14, () => ({ wat: each((i) => `${i}.warc.wat.gz`) })],
  ["a list of WAT files", 14, () => ({ wat: [at("wat.paths")] })],
  ["WARC files by a range", 14, () => ({ warc: [at(`{0..${INPUTS - 1}}.warc.gz`)] })],
  ["a packed list of WARC files", 14, () => ({ warc: [at("warc.paths.gz")] })],
  ["indexes of records", 14, () => ({ cdx: each((i) => `${i}.cdxj`) })],
  ["indexes by a pattern", 14, () => ({ cdx: [at("*.cdxj")] })],
  ["folders", 7, () => ({ folders: each((i) => `folder-${i}`) })],
  ["shards", 14, () => ({ shards: [at("*.tar")] })],
  ["a search", 4, () => ({ search: [`commons=${api.address}`] })],
  [
    "several at once",
    46,
    () => ({
      ...{ urls: [at("list-*.csv")], wat: [at("wat.paths")], shards: [at("*.tar")] },
      search: [`commons=${api.address}`],
    }),
  ],
];

for (const [name, pairs, sources] of SOURCES) {
  test(`${name}: three ranks, or more than there are inputs, find what one process finds, nothing twice`, async () => {
    const whole = await found(sources(), 0, 1);
    assert.equal(whole.length, pairs);
    assert.equal(new Set(whole).size, pairs);
    for (const world of [3, INPUTS + 2]) {
      const parts: string[][] = [];
      for (let rank = 0; rank < world; rank++) parts.push(await found(sources(), rank, world));
      assert.deepEqual(parts.flat().sort(), whole, `${world} ranks`);
      if (pairs >= 14) assert.ok(parts.filter((part) => part.length > 0).length > 1, "the work is shared");
    }
  });
}
