import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import sharp from "sharp";
import { closeDatabase, type Database, openDatabase, setMeta } from "../../../store/database.ts";
import { pairId } from "../../../store/pair-id.ts";
import { refreshQueryCounts } from "../../../store/query-counts.ts";
import { temporaryFolder } from "../../folder.ts";

/** A caption that tries to run something, on a page and on a terminal. */
export const HOSTILE = `"><script>alert('1')</script><img src=x onerror="alert(2)"> \u001b[31mred\u001b]0;title\u0007 \u202edog`;

export const CAP = 40;
const WORDS = ["dog", "cat", "tree", "house", "red", "green", "ball", "sun"];

/** An empty workspace, closed after the test. */
export function emptyWorkspace(t: TestContext): { db: Database; data: string } {
  const data = temporaryFolder("report");
  const db = openDatabase(data);
  t.after(() => closeDatabase(db));
  return { db, data };
}

/** A workspace with 300 pairs in every state, their pictures one after the other in a file. */
export async function filledWorkspace(t: TestContext): Promise<{ db: Database; data: string }> {
  const { db, data } = emptyWorkspace(t);
  const pictures = await drawPictures(data);
  db.transaction(() => {
    addQueries(db);
    addPairs(db, pictures);
    db.exec(`INSERT INTO tally VALUES ('extract', 'no_text', 17, 'http://a.example/page'), ('extract', 'bad_url', 3, 'javascript:alert(1)');
      INSERT INTO host VALUES ('a.example', 300, 280, 20, 1234567, 12.5, 200), ('<b>.example', 10, 0, 10, 0, NULL, NULL);
      INSERT INTO shard VALUES ('00000', 100, 500000, '${"ab".repeat(32)}'), ('00001', 60, 300000, '${"cd".repeat(32)}');
      INSERT INTO run (stage, rank, started, seconds, items) VALUES ('discover', 0, '2026-01-02T03:04:05.000Z', 2, 100),
        ('discover', 1, '2026-01-02T03:04:06.000Z', 3, 200), ('download', 0, '2026-01-02T03:05:00.000Z', 4, 160)`);
    refreshQueryCounts(db);
  })();
  setMeta(db, "cap", String(CAP));
  setMeta(db, "seed", "7");
  setMeta(
    db,
    "sources",
    JSON.stringify({ sampleWeb: false, sources: { seeds: ["<http://a.example/>"], maxPages: 10000 } }),
  );
  return { db, data };
}

interface Place {
  offset: number;
  bytes: number;
}

async function drawPictures(data: string): Promise<Place[]> {
  const drawn = await Promise.all(
    Array.from({ length: 12 }, (_, i) => {
      const background = { r: 20 * i, g: 255 - 20 * i, b: 128 };
      return sharp({ create: { width: 128 + 32 * i, height: 160, channels: 3, background } })
        .jpeg()
        .toBuffer();
    }),
  );
  mkdirSync(join(data, "spool"));
  writeFileSync(join(data, "spool", "00000.pack"), Buffer.concat(drawn));
  let offset = 0;
  return drawn.map((picture) => {
    const place = { offset, bytes: picture.length };
    offset += picture.length;
    return place;
  });
}

function addQueries(db: Database): void {
  const insert = db.prepare("INSERT INTO query (id, term, source, wiki_count, score) VALUES (?, ?, ?, ?, 1)");
  for (const [id, word] of WORDS.entries()) insert.run(id, word, id % 2 === 0 ? "unigram" : "synset", 1000 - id);
  insert.run(WORDS.length, "parliament", "unigram", 5000);
  insert.run(WORDS.length + 1, "<i>senate</i>", "title", 4000);
}

function addPairs(db: Database, pictures: readonly Place[]): void {
  const insert = db.prepare(
    `INSERT INTO pair (id, image_url, caption, kind, source, host, licence, opt_out, seen, state, reason, queries, chosen_for,
       status, width, height, format, bytes, sha256, file, offset, shard, key)
     VALUES (@id, @url, @caption, 'alt', 'web', 'a.example', @licence, @optOut, @seen, @state, @reason, @queries, @chosenFor,
       @status, @width, @height, @format, @bytes, @sha256, @file, @offset, @shard, @key)`,
  );
  const used = new Map<number, number>();
  for (let i = 0; i < 300; i++) {
    const queries = [...new Set([0, i % WORDS.length])];
    const caption = `${queries.map((query) => WORDS[query]).join(" and ")} number ${i}${i % 25 === 0 ? ` ${HOSTILE}` : ""}`;
    const url = `http://a.example/${i}.jpg${i % 50 === 0 ? "?<script>" : ""}`;
    const { state, reason } = fate(i);
    const matched = reason === "not_english" ? [] : queries;
    const account = matched.filter((query) => (state === "kept" || state === "chosen") && (used.get(query) ?? 0) < CAP);
    for (const query of account) used.set(query, (used.get(query) ?? 0) + 1);
    const place = state === "kept" ? pictures[i % pictures.length] : undefined;
    insert.run({
      id: pairId(url, caption),
      url,
      caption,
      licence: i % 3 === 0 ? "CC BY <4.0>" : null,
      optOut: i % 40 === 0 ? '["x-robots-tag: noai"]' : null,
      seen: i % 10 === 0 ? 2 : 1,
      state,
      reason,
      queries: reason === "not_english" ? null : JSON.stringify(matched),
      chosenFor: account.length > 0 ? JSON.stringify(account) : null,
      status: place ? 200 : reason === "http_404" ? 404 : null,
      width: place ? 128 + 32 * (i % pictures.length) : null,
      height: place ? 160 : null,
      format: place ? "jpeg" : null,
      bytes: place?.bytes ?? null,
      sha256: place ? `picture ${i}` : null,
      file: place ? "spool/00000.pack" : null,
      offset: place?.offset ?? null,
      shard: place ? "00000" : null,
      key: place ? String(i).padStart(8, "0") : null,
    });
  }
}

function fate(i: number): { state: string; reason: string | null } {
  if (i % 10 === 1) return { state: "dropped", reason: "not_english" };
  if (i % 10 === 2) return { state: "dropped", reason: "http_404" };
  if (i % 10 === 3) return { state: "dropped", reason: "too_small" };
  if (i % 20 === 4) return { state: "candidate", reason: null };
  if (i % 20 === 5) return { state: "reserve", reason: null };
  if (i % 20 === 6) return { state: "chosen", reason: null };
  return { state: "kept", reason: null };
}
