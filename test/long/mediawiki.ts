/**
 * `npm run test:mediawiki`: the Commons source and the whole main job against a real MediaWiki (Debian's), installed and
 * started here. Skipped with a line where it cannot be installed, but not under CI.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import sharp from "sharp";
import { openForReading } from "../../store/database.ts";
import { run } from "../cli.ts";
import { temporaryFolder } from "../folder.ts";
import { type MediaWiki, startMediaWiki, type WikiPicture } from "../servers/mediawiki.ts";

/** More than a page of the API's answers for one of them. */
const THINGS: [string, number][] = [
  ["lighthouse", 70],
  ["bear", 12],
  ["harp", 5],
];
const folder = temporaryFolder("commons");
let wiki: MediaWiki | string = "not started";

async function pictures(): Promise<WikiPicture[]> {
  const made: WikiPicture[] = [];
  for (const [thing, count] of THINGS) {
    for (let i = 0; i < count; i++) {
      const background = { r: i * 3, g: (i * 29) & 255, b: thing.length * 20 };
      const bytes = await sharp({ create: { width: 120, height: 90 + (i % 7), channels: 3, background } })
        .png()
        .toBuffer();
      const text = `== Summary ==
{{Information
|description={{de|1=Etwas anderes}}{{en|1=A '''painted''' [[${thing}s|${thing}]] on a hill, view ${i}}}
|date=2012-05-03
|author=[[User:Jane|Jane]]
}}`;
      made.push({ name: `Painted_${thing}_${i}.png`, bytes, text });
    }
  }
  return made;
}

before(async () => {
  wiki = await startMediaWiki(await pictures());
  if (typeof wiki !== "string") return;
  assert.ok(!process.env["CI"], `MediaWiki is needed here: ${wiki}`);
  console.log(`skipped: no MediaWiki: ${wiki}`);
});
after(() => {
  if (typeof wiki !== "string") wiki.close();
});

test("each query's pictures are found with their English description, to the last page, and downloaded", async (t) => {
  if (typeof wiki === "string") return t.skip(wiki);
  console.log(wiki.version);
  const data = join(folder, "data");
  const counts = join(folder, "counts.txt");
  const limits = join(folder, "limits.tsv");
  writeFileSync(counts, `${THINGS.map(([thing]) => `${thing} 500`).join("\n")}\n`);
  writeFileSync(limits, "127.0.0.0/8\t0\t1000\t4\n");
  const list = await run(["build-queries", "--data", data, "--quiet", "--counts", counts, "--size", "3"]);
  assert.equal(list.code, 0, list.error);
  const options = ["--data", data, "--quiet", "--host-limits", limits, "--allow-private", "127.0.0.0/8"];
  const { code, error } = await run(["crawl", ...options, "--search", `commons=${wiki.address}`]);
  assert.equal(code, 0, error);

  const db = openForReading(data);
  assert.deepEqual(
    db.prepare("SELECT term, state, pages FROM search ORDER BY term").all(),
    THINGS.map(([term, count]) => ({ term, state: "exhausted", pages: Math.ceil(count / 50) })).sort((a, b) =>
      a.term < b.term ? -1 : 1,
    ),
  );
  for (const [thing, count] of THINGS) {
    const kept = db
      .prepare<[string], { caption: string; kind: string; page_url: string; origin: string }>(
        "SELECT * FROM pair WHERE caption LIKE ? AND (state = 'kept' OR reason = 'duplicate_image')",
      )
      .all(`A painted ${thing} on a hill, view %`);
    assert.equal(kept.length, count, thing);
    for (const { kind, page_url, origin } of kept) {
      assert.equal(kind, "figcaption");
      assert.match(page_url, /File:Painted_/);
      assert.equal(JSON.parse(origin).query, thing);
    }
  }
  db.close();
});
