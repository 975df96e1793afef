import assert from "node:assert/strict";
import { test } from "node:test";
import { mapAsked, packAsked, packJudged, unpackJudged } from "../../crawler/judge-messages.ts";
import { JudgePool } from "../../crawler/judge-pool.ts";
import { buildTable } from "../../filters/matcher-table.ts";

const settings = { profile: "clip", lang: "any", match: "fold", optOut: "obey" } as const;
const table = () => buildTable([{ term: "boat" }, { term: "犬" }], "fold");

const CAPTIONS = ["a red boat", "犬 in a café", "IMG_1234.jpg", "a cow", "\u{1f6a4} boat boat"];
const batch = (number: number, size: number) =>
  Array.from({ length: size }, (_, i) => ({
    imageUrl: `http://www.a${i % 7}.example/${number}/${i}.png`,
    caption: `${CAPTIONS[i % CAPTIONS.length]}`,
    kind: "list" as const,
    source: "url-list",
    ...(i % 11 === 0 ? { optOut: ["meta robots: noai", 'a "quoted" one'] } : {}),
  }));

test("messages between threads give what was put in", () => {
  const asked = batch(1, 25).map(({ imageUrl, caption, optOut }) =>
    optOut ? { imageUrl, caption, optOut } : { imageUrl, caption },
  );
  assert.deepEqual(
    mapAsked(packAsked(asked), (one) => one),
    asked,
  );
  // More than the room that was there, and letters of three bytes.
  const long = Array.from({ length: 40 }, (_, i) => ({
    imageUrl: `http://a.example/${i}`,
    caption: "犬".repeat(65_000),
  }));
  assert.deepEqual(
    mapAsked(packAsked(long), (one) => one),
    long,
  );
  const judged = [
    { id: "0000000000000000", host: "a.example", reason: "auto_name", detail: "numbers", queries: null },
    { id: "0000000000000001", host: "b.example", reason: "no_query", detail: null, queries: null },
    { id: "0000000000000002", host: "b.example", reason: null, detail: null, queries: "[1,2]" },
  ];
  assert.deepEqual(unpackJudged(packJudged(judged)), judged);
});

test("answers are the same from this thread, from another, and from both while one waits", async (t) => {
  const [alone, threads] = [new JudgePool(table, settings, 0), new JudgePool(table, settings, 1)];
  t.after(() => Promise.all([alone.close(), threads.close()]));
  // More than the thread is sent at a time, so that some are left to the one that waits.
  const batches = Array.from({ length: 5 }, (_, number) => batch(number, 5_000));
  const asked = batches.map((candidates) => threads.judge(candidates));
  for (const [number, candidates] of batches.entries()) {
    const judged = await threads.wait(asked[number] ?? Promise.resolve([]));
    assert.equal(JSON.stringify(judged), JSON.stringify(await alone.judge(candidates)));
  }
});
