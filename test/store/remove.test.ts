import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Matcher } from "../../filters/matcher.ts";
import { closeDatabase, type Database, openForReading, setMeta } from "../../store/database.ts";
import { pairId } from "../../store/pair-id.ts";
import { parseRemoval, type Removal, readRemovals, removePairs } from "../../store/remove.ts";
import { Spool } from "../../store/spool.ts";
import { readTar } from "../../store/tar-reader.ts";
import { verify } from "../../store/verify.ts";
import { run } from "../cli.ts";
import { addPairs, buildAgain, builtWorkspace } from "./built-workspace.ts";

const QUIET = { dryRun: false, progress: () => {} };

interface Row {
  id: string;
  image_url: string;
  page_url: string | null;
  caption: string;
  state: string;
  reason: string | null;
}

const rows = (db: Database, where: string) =>
  db.prepare<[], Row>(`SELECT * FROM pair WHERE ${where} ORDER BY id`).all();
const remove = (db: Database, data: string, ...removals: Removal[]) => removePairs(db, data, removals, QUIET);

/** Everything in the shards, as one string of bytes. */
function inShards(data: string): { urls: string[]; bytes: string } {
  const urls: string[] = [];
  for (const name of readdirSync(join(data, "shards"))
    .filter((name) => name.endsWith(".tar"))
    .sort()) {
    for (const member of readTar(join(data, "shards", name)))
      if (member.name.endsWith(".json")) urls.push(JSON.parse(member.bytes.toString()).url);
  }
  const bytes = readdirSync(join(data, "shards"))
    .map((name) => readFileSync(join(data, "shards", name), "latin1"))
    .join("");
  return { urls, bytes };
}

async function sound(db: Database, data: string): Promise<void> {
  const { problems } = await verify(db, data, { decode: false, progress: () => {} });
  assert.deepEqual(problems, []);
}

async function twoKept(t: TestContext) {
  const { db, data } = await builtWorkspace(t);
  const [one, two] = rows(db, "state = 'kept'");
  assert.ok(one && two);
  return { db, data, one, two };
}

test("a pair and an address leave shards, Parquet, counts and manifest; the rest stays sound", async (t) => {
  const { db, data, one, two } = await twoKept(t);
  const before = inShards(data).urls;
  const counts = await remove(db, data, { kind: "pair", value: one.id }, { kind: "url", value: two.image_url });
  assert.deepEqual([counts.pairs, counts.samples, counts.ahead], [2, 2, []]);
  const after = inShards(data);
  assert.deepEqual(
    after.urls.toSorted(),
    before.filter((url) => url !== one.image_url && url !== two.image_url).toSorted(),
  );
  assert.ok(!after.bytes.includes(one.image_url) && !after.bytes.includes(one.caption));
  assert.deepEqual(
    rows(db, `id IN ('${one.id}', '${two.id}')`).map(({ state, reason }) => [state, reason]),
    [
      ["dropped", "removed"],
      ["dropped", "removed"],
    ],
  );
  assert.equal(db.prepare("SELECT pairs FROM funnel WHERE reason = 'removed'").pluck().get(), 2);
  assert.deepEqual(
    JSON.parse(readFileSync(join(data, "manifest.json"), "utf8")).shards,
    db.prepare("SELECT * FROM shard ORDER BY shard").all(),
  );
  await sound(db, data);
});

test("a host takes its pictures, those of hosts below it and those from its pages, and no namesake", async (t) => {
  const { db, data } = await builtWorkspace(t);
  const url = "http://cdn.example.net/1.png";
  const insert = db.prepare(
    "INSERT INTO pair (id, image_url, page_url, caption, kind, source, host, state, queries) VALUES (?, ?, ?, ?, 'alt', 'web', 'h', 'candidate', '[1]')",
  );
  insert.run(pairId(url, "a dog"), url, "https://user:secret@blog.site1.example/x?http://other.example/", "a dog");
  const namesake = "http://notsite1.example/site1.example/2.png";
  insert.run(pairId(namesake, "a dog"), namesake, null, "a dog");
  const bystanders = rows(db, "state <> 'dropped' AND image_url NOT LIKE '%.site1.example%'").length - 1;
  await remove(db, data, { kind: "host", value: "site1.example" });
  assert.equal(rows(db, "state <> 'dropped'").length, bystanders);
  assert.equal(rows(db, `image_url = '${namesake}'`)[0]?.state, "candidate");
  assert.deepEqual(
    rows(db, "reason = 'removed' AND image_url NOT LIKE 'http://img.site1.example:8080/%'").map((row) => row.image_url),
    [url],
  );
  await remove(db, data, { kind: "host", value: "img.site2.example:8080" });
  assert.equal(rows(db, "state = 'kept' AND image_url LIKE '%site2%'").length, 0);
  await sound(db, data);
});

test("what was removed never comes back: not found again, not as another text, another address or another list", async (t) => {
  const { db, data, one, two } = await twoKept(t);
  const sha256 = db.prepare<[string], string>("SELECT sha256 FROM pair WHERE id = ?").pluck().get(one.id) ?? "";
  await remove(
    db,
    data,
    { kind: "pair", value: one.id },
    { kind: "url", value: two.image_url },
    { kind: "url", value: "http://future.example/1.png" },
  );
  const insert = db.prepare(
    "INSERT INTO pair (id, image_url, caption, kind, source, host, state, queries) VALUES (?, ?, ?, 'alt', 'web', 'h', 'candidate', '[1]') ON CONFLICT (id) DO UPDATE SET seen = seen + 1",
  );
  const found = (url: string, caption: string) => {
    insert.run(pairId(url, caption), url, caption);
    return db.prepare("SELECT state, reason FROM pair WHERE id = ?").raw().get(pairId(url, caption));
  };
  const gone = ["dropped", "removed"];
  assert.deepEqual(found(one.image_url, one.caption), gone, "the same pair");
  assert.deepEqual(found(one.image_url, "another text of a dog"), gone, "the same picture with another text");
  assert.deepEqual(found("http://future.example/1.png", "a dog"), gone, "a removal ahead of its pair");
  const elsewhere = "http://elsewhere.example/copy.png";
  assert.deepEqual(found(elsewhere, "a dog"), ["candidate", null]);
  db.prepare("UPDATE pair SET sha256 = ? WHERE image_url = ?").run(sha256, elsewhere);
  assert.equal(rows(db, `image_url = '${elsewhere}'`)[0]?.reason, "removed", "the same bytes under another address");
  db.prepare("UPDATE pair SET state = 'candidate', reason = NULL WHERE id = ?").run(two.id);
  assert.equal(rows(db, `id = '${two.id}'`)[0]?.reason, "removed", "revived by a stage");
  await buildAgain(db, data);
  assert.ok(!inShards(data).bytes.includes(one.image_url));
  await sound(db, data);
});

test("the next run fills the space under the cap, as if the removed pair had never been found", async (t) => {
  const { db, data } = await builtWorkspace(t);
  const [removed] = rows(db, "state = 'kept' AND caption LIKE '%dog%'");
  assert.ok(removed);
  const kept = () => db.prepare("SELECT kept FROM query WHERE term = 'dog'").pluck().get() as number;
  const full = kept();
  await remove(db, data, { kind: "url", value: removed.image_url });
  assert.equal(kept(), full - 1);
  await buildAgain(db, data);
  assert.equal(kept(), full);
  const other = await builtWorkspace(t);
  other.db.prepare("DELETE FROM pair WHERE id = ?").run(removed.id);
  await buildAgain(other.db, other.data);
  assert.deepEqual(db.prepare("SELECT * FROM shard").all(), other.db.prepare("SELECT * FROM shard").all());
  closeDatabase(other.db);
});

test("pictures that wait in the spool are overwritten", async (t) => {
  const { db, data } = await builtWorkspace(t);
  addPairs(db, Matcher.of([{ term: "zebra" }]), 2, 100);
  const spool = new Spool(data);
  const secret = Buffer.from("a picture nobody may see ".repeat(40));
  const place = spool.append(secret);
  spool.append(Buffer.from("the next picture"));
  spool.close();
  const [waiting] = rows(db, "image_url LIKE '%/100.png'");
  assert.ok(waiting);
  db.prepare(
    "UPDATE pair SET state = 'chosen', chosen_for = '[0]', queries = '[0]', file = @file, offset = @offset, bytes = @bytes WHERE id = @id",
  ).run({ ...place, id: waiting.id });
  db.exec("DELETE FROM meta WHERE key = 'shards'");
  const counts = await remove(db, data, { kind: "pair", value: waiting.id });
  assert.deepEqual([counts.pairs, counts.samples, counts.shards], [1, 0, undefined]);
  const pack = readFileSync(join(data, "spool/00000.pack"), "latin1");
  assert.ok(!pack.includes("nobody"));
  assert.ok(pack.endsWith("the next picture"));
});

test("cut after the marks: the same call again completes it, and verify says so before", async (t) => {
  const { db, data, one } = await twoKept(t);
  db.prepare("INSERT INTO removed VALUES ('pair', ?, '2026-01-01')").run(one.id);
  db.prepare("UPDATE pair SET state = 'dropped', reason = 'removed', chosen_for = NULL WHERE id = ?").run(one.id);
  const { problems } = await verify(db, data, { decode: false, progress: () => {} });
  assert.ok(problems.some(({ what }) => /was taken down: run `npm run remove`/.test(what)));
  await remove(db, data, { kind: "pair", value: one.id });
  assert.ok(!inShards(data).bytes.includes(one.image_url));
  setMeta(db, "swap", "done");
  await sound(db, data);
});

test("killed at any moment and run again: removed, and sound", async (t) => {
  const { db, data, one, two } = await twoKept(t);
  closeDatabase(db);
  const args = ["remove", "--data", data, "--quiet", "--pair", one.id, "--url", two.image_url];
  for (const killAfter of [350, 500, 650, 800]) await run(args, { killAfter });
  const { code, error } = await run(args);
  assert.equal(code, 0, error);
  assert.ok(!inShards(data).urls.some((url) => url === one.image_url || url === two.image_url));
  const reader = openForReading(data);
  await sound(reader, data);
  reader.close();
});

test("removals are read from words and lists, and nonsense is named with its line", async (t) => {
  assert.deepEqual(parseRemoval(" HTTP://Example.org/A%20b#top ", "x"), {
    kind: "url",
    value: "http://example.org/A%20b",
  });
  assert.deepEqual(parseRemoval("Bücher.Example", "x"), { kind: "host", value: "xn--bcher-kva.example" });
  assert.deepEqual(parseRemoval("0123456789abcdef", "x"), { kind: "pair", value: "0123456789abcdef" });
  for (const [text, kind, message] of [
    ["dog", undefined, /x: "dog" is not a pair id/],
    ["example.org/path", "host", /not a host such as/],
    ["example.org", "pair", /not a pair id/],
    ["ftp://example.org/", "url", /begins with http/],
  ] as const)
    assert.throws(() => parseRemoval(text, "x", kind), message);
  const { data } = await builtWorkspace(t);
  const list = join(data, "list.txt");
  writeFileSync(list, "# who asked\n0123456789abcdef\n\nexample.org\nnonsense\n");
  await assert.rejects(readRemovals(list), /list\.txt:5: "nonsense"/);
});

test("the command removes, says what it did, and refuses wrong use", async (t) => {
  const { db, data } = await builtWorkspace(t);
  const count = rows(db, "state <> 'dropped' AND image_url LIKE '%site0%'").length;
  const samples = rows(db, "state = 'kept' AND image_url LIKE '%site0%'").length;
  closeDatabase(db);
  const args = ["remove", "--data", data, "--quiet"];
  const list = join(data, "list.txt");
  writeFileSync(list, "site0.example\n");
  const tried = await run([...args, "--file", list, "--dry-run"]);
  assert.match(tried.out, new RegExp(`${count} pairs would be removed, ${samples} samples`));
  const { out } = await run([...args, "--file", list]);
  assert.match(out, new RegExp(`1 removal: ${count} pairs removed, ${samples} samples of them in shards`));
  assert.ok(!inShards(data).bytes.includes("site0.example"));
  for (const wrong of [[], ["--file", "no-such-list"], ["--pair", "xyz"]])
    assert.equal((await run([...args, ...wrong])).code, 2);
});
