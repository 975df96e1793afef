import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import sharp from "sharp";
import { select } from "../../crawler/select.ts";
import { openWorkspace } from "../../crawler/workspace.ts";
import { Matcher } from "../../filters/matcher.ts";
import { writeQueries } from "../../queries/list.ts";
import { closeDatabase, type Database, setMeta } from "../../store/database.ts";
import { pairId } from "../../store/pair-id.ts";
import { writeShards } from "../../store/shards.ts";
import { Spool } from "../../store/spool.ts";
import { temporaryFolder } from "../folder.ts";

export const CAP = 12;
export const SEED = 3;
export const SHARD_SIZE = 16;

/** A caption that tries to run something, on a page and in a terminal. */
export const SCRIPT = `a dog "><script>document.title = "owned"</script><img src=x onerror="document.title='owned'"> \u001b[31m\u202e'--`;

const WORDS = ["dog", "cat", "old bridge", "red apple", "steam train", "zebra"];
const COLUMNS = 5;

/** A finished workspace of 60 pairs from three hosts, with real pictures in real shards under a small cap. */
export async function builtWorkspace(t: TestContext): Promise<{ db: Database; data: string }> {
  const data = temporaryFolder("built");
  const sources = ["unigram", "unigram", "bigram", "bigram", "title", "synset"] as const;
  const terms = [...WORDS].sort().map((term, i) => ({ term, source: sources[i] ?? "title", count: 100 - i, score: 1 }));
  writeQueries(join(data, "queries.tsv"), terms);
  const { db } = await openWorkspace(data, () => {});
  t.after(() => closeDatabase(db));
  setMeta(db, "settings", JSON.stringify({ cap: CAP, seed: SEED, resize: 256, quality: 90, shardSize: SHARD_SIZE }));
  addPairs(db, Matcher.of(terms), 60);
  addDropped(db);
  await buildAgain(db, data);
  return { db, data };
}

/** Adds pairs as a crawl finds them. */
export function addPairs(db: Database, matcher: Matcher, count: number, from = 0): void {
  const insert = db.prepare(
    `INSERT INTO pair (id, image_url, page_url, caption, kind, source, host, licence, state, queries)
     VALUES (@id, @url, @page, @caption, 'alt', 'web', @host, @licence, 'candidate', @queries)`,
  );
  for (let i = from; i < from + count; i++) {
    const host = `site${i % 3}.example`;
    const url = `http://img.${host}:8080/${i}.png`;
    const caption = i === 7 ? SCRIPT : `a ${WORDS[i % COLUMNS]} beside a cat, number ${i}`;
    const queries = JSON.stringify(matcher.match(caption));
    const licence = i % 4 === 0 ? "https://creativecommons.org/licenses/by/4.0/" : null;
    insert.run({
      id: pairId(url, caption),
      url,
      page: `http://www.${host}/page${i % 7}.html`,
      caption,
      host,
      licence,
      queries,
    });
  }
}

function addDropped(db: Database): void {
  const insert = db.prepare(
    `INSERT INTO pair (id, image_url, caption, kind, source, host, opt_out, state, reason, detail)
     VALUES (?, ?, ?, 'alt', 'web', 'site0.example', ?, 'dropped', ?, ?)`,
  );
  for (const [i, caption] of ["ein Hund am Bach", "un chien noir"].entries()) {
    const url = `http://img.site0.example:8080/foreign${i}.png`;
    insert.run(pairId(url, caption), url, caption, null, "not_english", i === 0 ? "German" : "French");
  }
  const url = "http://img.site0.example:8080/reserved.png";
  insert.run(
    pairId(url, "a reserved dog"),
    url,
    "a reserved dog",
    '["meta robots: noai"]',
    "opt_out_page",
    "meta robots: noai",
  );
  db.exec(`INSERT INTO tally VALUES ('extract', 'no_text', 5, 'http://www.site0.example/page0.html');
    INSERT INTO host VALUES ('site0.example', 30, 28, 2, 99000, 12.5, 200), ('site1.example', 20, 20, 0, 88000, 9, 200);
    INSERT INTO run (stage, rank, started, seconds, items) VALUES ('discover', 0, '2026-01-02T03:04:05.000Z', 2, 68)`);
}

/** A host, a licence and an opt-out signal that try to run something wherever they are shown. */
export function addDroppedHostile(db: Database): void {
  const hostile = "<script>alert(1)</script>|[x](javascript:alert(1))";
  db.prepare("INSERT INTO host VALUES (?, 1000, 999, 1, 5, 1, 200)").run(hostile);
  db.prepare(
    "UPDATE pair SET licence = ? WHERE id IN (SELECT id FROM pair WHERE state = 'kept' ORDER BY id DESC LIMIT 3)",
  ).run(hostile);
  db.prepare(
    "UPDATE pair SET opt_out = ? WHERE id IN (SELECT id FROM pair WHERE state = 'kept' ORDER BY id DESC LIMIT 2)",
  ).run(JSON.stringify([hostile]));
}

/** What a run of the crawl does once the pairs are found: selects, draws the pictures that are missing, writes shards and manifest. */
export async function buildAgain(db: Database, data: string): Promise<void> {
  select(db, { cap: CAP, seed: SEED, balance: "exact", captionsPerImage: 1 });
  const spool = new Spool(data);
  const rows = db
    .prepare<[], { id: string; image_url: string }>(
      "SELECT id, image_url FROM pair WHERE state = 'chosen' AND file IS NULL",
    )
    .all();
  const update = db.prepare(
    `UPDATE pair SET file = @file, extension = 'jpg', offset = @offset, bytes = @bytes, width = 96, height = 80, original_width = 96, original_height = 80,
       format = 'png', status = 200, sha256 = @sha256, retrieved = '2026-01-02T03:04:05.000Z' WHERE id = @id`,
  );
  for (const { id, image_url } of rows) {
    const number = Number(/(\d+)\.png$/.exec(image_url)?.[1]);
    const background = { r: (number * 40) & 255, g: 200 - number, b: 90 };
    const jpeg = await sharp({ create: { width: 96, height: 80, channels: 3, background } })
      .jpeg()
      .toBuffer();
    update.run({ id, sha256: createHash("sha256").update(`as sent ${number}`).digest("hex"), ...spool.append(jpeg) });
  }
  spool.sync();
  spool.close();
  await writeShards(db, data, { seed: SEED, shardSize: SHARD_SIZE }, () => {});
  writeFileSync(
    join(data, "manifest.json"),
    JSON.stringify({ options: { cap: CAP }, shards: db.prepare("SELECT * FROM shard ORDER BY shard").all() }),
  );
}
