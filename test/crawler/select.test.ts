import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { select } from "../../crawler/select.ts";
import { closeDatabase, type Database, openDatabase } from "../../store/database.ts";
import { pairId } from "../../store/pair-id.ts";
import { temporaryFolder } from "../folder.ts";

type Row = [image: string, caption: string, kind: string];

function workspace(rows: readonly Row[]): { db: Database; data: string } {
  const data = temporaryFolder("select");
  const db = openDatabase(data);
  db.exec(
    "INSERT INTO query (id, term, source, wiki_count, score) VALUES (0, 'cat', 'unigram', 1, 1), (1, 'dog', 'unigram', 1, 1)",
  );
  const insert = db.prepare(
    `INSERT INTO pair (id, image_url, caption, kind, source, host, state, queries) VALUES (?, ?, ?, ?, 'list', 'h', 'candidate', ?)`,
  );
  for (const [image, caption, kind] of rows) {
    const queries = ["cat", "dog"].flatMap((term, id) => (caption.includes(term) ? [id] : []));
    insert.run(pairId(image, caption), image, caption, kind, JSON.stringify(queries));
  }
  return { db, data };
}

const reasons = (db: Database) =>
  db
    .prepare<[], [string, string]>("SELECT image_url || ' ' || caption, coalesce(reason, state) FROM pair ORDER BY 1")
    .raw()
    .all()
    .map(([name, reason]) => `${name}: ${reason}`);

test("--captions-per-image: the preferred kinds stay, whatever the order; raised again, the others come back", () => {
  const rows: Row[] = [
    ["a", "cat 1", "title"],
    ["a", "cat 2", "alt"],
    ["a", "cat 3", "figcaption"],
    ["b", "cat 1", "alt"],
  ];
  for (const order of [rows, rows.toReversed()]) {
    const { db, data } = workspace(order);
    const one = ["a cat 1: other_caption", "a cat 2: other_caption", "a cat 3: chosen", "b cat 1: chosen"];
    select(db, { cap: 9, seed: 0 });
    assert.deepEqual(reasons(db), one);
    select(db, { cap: 9, seed: 0, captionsPerImage: 2 });
    assert.deepEqual(reasons(db), ["a cat 1: other_caption", "a cat 2: chosen", "a cat 3: chosen", "b cat 1: chosen"]);
    select(db, { cap: 9, seed: 0, captionsPerImage: 3 });
    assert.ok(reasons(db).every((line) => line.endsWith("chosen")));
    select(db, { cap: 9, seed: 0, captionsPerImage: 1 });
    assert.deepEqual(reasons(db), one);
    // The preferred one fails: its picture is not asked for again under another text.
    db.exec("UPDATE pair SET state = 'dropped', reason = 'http_404' WHERE caption = 'cat 3'");
    select(db, { cap: 9, seed: 0 });
    assert.deepEqual(reasons(db), [
      "a cat 1: other_caption",
      "a cat 2: other_caption",
      "a cat 3: http_404",
      "b cat 1: chosen",
    ]);
    assert.deepEqual(
      readdirSync(data).filter((name) => name.endsWith(".tmp")),
      [],
    );
    closeDatabase(db);
  }
});

test("a caption beside more pictures than the profile allows is dropped with all of them, and only then", () => {
  const rows: Row[] = ["a", "b", "c"].map((image) => [image, "cat", "alt"]);
  const { db } = workspace([...rows, ["d", "dog", "alt"], ["e", "dog", "alt"]]);
  select(db, { cap: 9, seed: 0, maxPictures: 2 });
  assert.deepEqual(reasons(db), [
    "a cat: shared_caption",
    "b cat: shared_caption",
    "c cat: shared_caption",
    "d dog: chosen",
    "e dog: chosen",
  ]);
  select(db, { cap: 9, seed: 0, maxPictures: 3 });
  assert.ok(reasons(db).every((line) => line.endsWith("chosen")));
  // One that failed still counts: what is chosen must not depend on when links die.
  db.exec("UPDATE pair SET state = 'dropped', reason = 'http_404' WHERE image_url = 'c'");
  select(db, { cap: 9, seed: 0, maxPictures: 2 });
  assert.deepEqual(reasons(db).slice(0, 3), ["a cat: shared_caption", "b cat: shared_caption", "c cat: http_404"]);
  closeDatabase(db);
});

test("--balance metaclip draws about as many as the cap, the exact one exactly", () => {
  const rows = Array.from({ length: 2_000 }, (_, i): Row => [`p${i}`, `cat ${i}`, "alt"]);
  const { db } = workspace(rows);
  assert.equal(select(db, { cap: 400, seed: 0 }).chosen, 400);
  const { chosen, reserve } = select(db, { cap: 400, seed: 0, balance: "metaclip" });
  assert.ok(chosen !== 400 && Math.abs(chosen - 400) < 90 && chosen + reserve === 2_000, `${chosen} chosen`);
  closeDatabase(db);
});
