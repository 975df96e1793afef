import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import SQLite from "better-sqlite3";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { type Database, openForReading } from "../../store/database.ts";
import { type SampleMetadata, writeMetadata } from "../../store/parquet.ts";
import type { Findings } from "../../store/verify/findings.ts";
import { verify } from "../../store/verify.ts";
import { builtWorkspace } from "./built-workspace.ts";

const QUIET = { decode: true, progress: () => {} };

async function check(data: string): Promise<Findings> {
  const db = openForReading(data);
  try {
    return await verify(db, data, QUIET);
  } finally {
    db.close();
  }
}

/** Changes a byte somewhere in the pixels of the first picture of a shard. */
function flip(file: string, at = 512 + 200): void {
  const bytes = readFileSync(file);
  bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  writeFileSync(file, bytes);
}

/** Makes the database's checksum of a shard agree with the file, as a careful forger would. */
function forge(db: Database, data: string): void {
  const bytes = readFileSync(join(data, "shards/00000.tar"));
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  db.prepare("UPDATE shard SET sha256 = ? WHERE shard = '00000'").run(sha256);
  const manifest = JSON.parse(readFileSync(join(data, "manifest.json"), "utf8"));
  manifest.shards = db.prepare("SELECT * FROM shard ORDER BY shard").all();
  writeFileSync(join(data, "manifest.json"), JSON.stringify(manifest));
}

function inTar(data: string, from: string, to: string): void {
  const file = join(data, "shards/00000.tar");
  const bytes = readFileSync(file);
  const at = bytes.indexOf(from);
  assert.ok(at > 0 && from.length === to.length);
  bytes.write(to, at, "latin1");
  writeFileSync(file, bytes);
}

const first = "(SELECT id FROM pair WHERE state = 'kept' AND shard = '00000' ORDER BY key LIMIT 1)";
const inReserve = "(SELECT id FROM pair WHERE state = 'reserve' ORDER BY id LIMIT 1)";

/** What was damaged, how, and the check and words that must tell. */
const CORRUPTIONS: [
  name: string,
  plant: (data: string, db: Database) => void | Promise<void>,
  check: string,
  what: RegExp,
][] = [
  ["a bit of a picture", (data) => flip(join(data, "shards/00000.tar")), "files", /00000\.tar.*SHA-256/],
  [
    "a shard cut short",
    (data) => truncateSync(join(data, "shards/00001.tar"), 9000),
    "files",
    /00001\.tar.*ends at byte 9000/,
  ],
  ["a shard deleted", (data) => rmSync(join(data, "shards/00002.tar")), "files", /00002\.tar.*is missing/],
  [
    "a foreign file among the shards",
    (data) => cpSync(join(data, "shards/00000.tar"), join(data, "shards/00099.tar")),
    "files",
    /00099\.tar.*no shard/,
  ],
  ["a header of a tar", (data) => flip(join(data, "shards/00000.tar"), 5), "files", /00000\.tar.*header/],
  [
    "a caption in a tar, checksum forged",
    (data, db) => {
      inTar(data, "beside a cat, number", "beside a dog, number");
      forge(db, data);
    },
    "samples",
    /\.txt is not the caption/,
  ],
  [
    "a broken picture, checksum forged",
    (data, db) => {
      flip(join(data, "shards/00000.tar"), 512 + 2);
      forge(db, data);
    },
    "pictures",
    /cannot be decoded|is .*, not JPEG/,
  ],
  [
    "another caption in the Parquet",
    async (data) => {
      const file = join(data, "shards/00001.parquet");
      const rows = (await parquetReadObjects({ file: await asyncBufferFromFile(file) })) as unknown as SampleMetadata[];
      writeMetadata(
        file,
        rows.map((row, i) => (i === 3 ? { ...row, caption: "another" } : row)),
      );
    },
    "parquet rows",
    /00001\.parquet.*differs/,
  ],
  [
    "a Parquet of noise",
    (data) => writeFileSync(join(data, "shards/00001.parquet"), "noise"),
    "parquet rows",
    /cannot be read/,
  ],
  [
    "a caption in the database",
    (_, db) => db.exec(`UPDATE pair SET caption = 'changed' WHERE id = ${first}`),
    "rows",
    /not the hash/,
  ],
  ["a kept row deleted", (_, db) => db.exec(`DELETE FROM pair WHERE id = ${first}`), "samples", /no row/],
  [
    "the place of a picture",
    (_, db) => db.exec(`UPDATE pair SET offset = offset + 512 WHERE id = ${first}`),
    "samples",
    /not where the row says/,
  ],
  [
    "the size of a picture",
    (_, db) => db.exec(`UPDATE pair SET width = 97 WHERE id = ${first}`),
    "pictures",
    /96 x 80.*97 x 80/,
  ],
  [
    "a count of a query",
    (_, db) => db.exec("UPDATE query SET kept = kept + 1 WHERE term = 'dog'"),
    "query counts",
    /"dog".*kept is/,
  ],
  ["a pair out of turn, in place of one before it", (_, db) => swapWithReserve(db), "cap", /others come before it/],
  [
    "more than the cap allows",
    (_, db) => db.exec("UPDATE meta SET value = '3' WHERE key = 'cap'"),
    "cap",
    /the cap is 3/,
  ],
  [
    "a number in a view's total",
    (_, db) => db.exec("UPDATE host SET failed = failed + 1 WHERE host = 'site0.example'"),
    "views",
    /host_stats.*adds up to/,
  ],
  [
    "the shard a sample is said to be in",
    (_, db) => db.exec(`UPDATE pair SET shard = '00001' WHERE id = ${first}`),
    "samples",
    /says shard 00001/,
  ],
  [
    "a reason that does not exist",
    (_, db) => {
      db.pragma("foreign_keys = OFF");
      db.exec("UPDATE pair SET reason = 'mood' WHERE reason = 'not_english'");
    },
    "database",
    /reason that does not exist/,
  ],
  [
    "a page of the database",
    (data, db) => {
      db.pragma("wal_checkpoint(TRUNCATE)");
      db.close();
      const file = join(data, "wit.sqlite");
      const bytes = readFileSync(file);
      for (let page = 4; page < 28; page++) bytes.fill(0xa5, page * 4096 + 8, page * 4096 + 300);
      writeFileSync(file, bytes);
    },
    "database",
    /wit\.sqlite/,
  ],
  [
    "the query list",
    (data) => writeFileSync(join(data, "queries.tsv"), "term\tsource\tcount\tscore\ndog\tunigram\t1\t1\n"),
    "inputs",
    /queries\.tsv.*not the list/,
  ],
  [
    "the manifest",
    (data) => writeFileSync(join(data, "manifest.json"), '{"shards": []}'),
    "inputs",
    /manifest\.json.*other shards/,
  ],
];

/** A reserve pair takes the place of a kept one, with everything consistent but the order of the cap. */
function swapWithReserve(db: Database): void {
  db.exec(`UPDATE pair SET (state, queries, chosen_for, file, offset, bytes, shard, key, width, height, original_width, original_height, sha256) =
      (SELECT state, queries, chosen_for, file, offset, bytes, shard, key, width, height, original_width, original_height, sha256 FROM pair WHERE id = ${first})
    WHERE id = ${inReserve};`);
}

/** A copy of a workspace, so that each corruption starts from a sound one. */
function copy(t: TestContext, from: string, name: string): string {
  const data = `${from}-${name}`;
  cpSync(from, data, { recursive: true });
  t.after(() => rmSync(data, { recursive: true, force: true }));
  return data;
}

test("a sound workspace has no finding, and everything was looked at", async (t) => {
  const { db, data } = await builtWorkspace(t);
  const findings = await check(data);
  assert.deepEqual([findings.problems, findings.unfinished], [[], []]);
  const kept = db.prepare("SELECT count(*) FROM pair WHERE state = 'kept'").pluck().get();
  assert.ok(Number(kept) > 30);
  for (const name of ["samples", "pictures", "parquet rows"]) assert.equal(findings.checked.get(name), kept, name);
});

test(`each of ${CORRUPTIONS.length} planted corruptions is found and named`, async (t) => {
  const { db, data } = await builtWorkspace(t);
  db.pragma("wal_checkpoint(TRUNCATE)");
  for (const [i, [name, plant, wanted, what]] of CORRUPTIONS.entries()) {
    await t.test(name, async (t) => {
      const damaged = copy(t, data, String(i));
      const writer = new SQLite(join(damaged, "wit.sqlite"));
      await plant(damaged, writer);
      writer.close();
      const { problems } = await check(damaged);
      const lines = problems.map((problem) => `${problem.check}: ${problem.where}: ${problem.what}`);
      assert.ok(
        lines.some((line) => line.startsWith(`${wanted}: `) && what.test(line)),
        lines.join("\n") || "nothing found",
      );
    });
  }
});

test("what an interrupted run leaves is unfinished, not damaged", async (t) => {
  const { db, data } = await builtWorkspace(t);
  db.exec(`UPDATE pair SET state = 'reserve', chosen_for = NULL WHERE id = ${first}`);
  const { problems, unfinished } = await check(data);
  assert.deepEqual(problems, []);
  assert.ok(unfinished.some(({ what }) => /the set changed since/.test(what)));
  assert.ok(unfinished.some(({ what }) => /can move up/.test(what)));
});

test("a workspace before its first selection, and one before its first shards, are unfinished", async (t) => {
  const { db, data } = await builtWorkspace(t);
  rmSync(join(data, "shards"), { recursive: true });
  rmSync(join(data, "manifest.json"));
  db.exec(`DELETE FROM shard; DELETE FROM meta WHERE key = 'shards';
    UPDATE pair SET state = 'chosen', file = NULL, offset = NULL, shard = NULL, key = NULL WHERE state = 'kept'`);
  const chosen = await check(data);
  assert.deepEqual(chosen.problems, []);
  assert.ok(chosen.unfinished.some(({ what }) => /pictures wait for their download/.test(what)));
  db.exec(`DELETE FROM meta WHERE key IN ('cap', 'seed');
    UPDATE pair SET state = 'candidate', chosen_for = NULL WHERE state IN ('chosen', 'reserve')`);
  const found = await check(data);
  assert.deepEqual(found.problems, []);
  assert.ok(found.unfinished.some(({ what }) => /no selection was made yet/.test(what)));
});

test("the command's exit code and output tell sound from damaged", async (t) => {
  const { data } = await builtWorkspace(t);
  const run = promisify(execFile);
  const args = ["cli.ts", "verify", "--data", data, "--quiet"];
  assert.match((await run(process.execPath, args)).stdout, /ok +samples +\d+[\s\S]*nothing is damaged/);
  flip(join(data, "shards/00000.tar"));
  await assert.rejects(run(process.execPath, [...args, "--json"]), (error: { code: number; stdout: string }) => {
    assert.equal(error.code, 1);
    assert.equal(JSON.parse(error.stdout).ok, false);
    return true;
  });
});
