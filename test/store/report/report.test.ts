import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { load } from "cheerio";
import sharp from "sharp";
import { openForReading } from "../../../store/database.ts";
import { writeReport } from "../../../store/report/report.ts";
import { chooseRanks } from "../../../store/report/samples.ts";
import { collectStats } from "../../../store/stats.ts";
import { emptyWorkspace, filledWorkspace } from "./workspace.ts";

test("the report is one small file with pictures, plots and the numbers of the database", async (t) => {
  const { db, data } = await filledWorkspace(t);
  const reader = openForReading(data);
  t.after(() => reader.close());
  const { file, bytes } = await writeReport(reader, data);
  assert.equal(file, join(data, "report.html"));
  const page = readFileSync(file, "utf8");
  assert.equal(bytes, Buffer.byteLength(page));
  assert.ok(bytes < 5_000_000);
  const $ = load(page);
  const sources = $("img")
    .map((_, image) => $(image).attr("src"))
    .get();
  assert.ok(sources.length >= 40, `${sources.length} pictures`);
  for (const source of sources) assert.match(source, /^data:image\/webp;base64,[\w+/]+=*$/);
  const first = await sharp(Buffer.from(sources[0]?.split(",")[1] ?? "", "base64")).metadata();
  assert.ok(Math.max(first.width, first.height) <= 128);
  assert.equal($("#balance svg.wide [aria-label=line] path").length, 2);
  assert.match($("#balance svg.wide").text(), /cap 40\b/);
  assert.match($("#balance svg.wide title").first().text(), /^query 1: \d+ captions that contain it$/);
  for (const chart of $("svg").get()) assert.match($(chart).attr("aria-label") ?? "", /\w/);
  assert.match($("header dd").first().text(), new RegExp(`^${collectStats(db, { top: 1 }).states.kept}$`));
  assert.match($("#built").text(), /max pages\s*10,000/);
  assert.doesNotMatch(page, /NaN|undefined|\[object/);
});

test("nothing found on the web is markup, runs, or is asked for", async (t) => {
  const { db, data } = await filledWorkspace(t);
  const page = readFileSync((await writeReport(db, data)).file, "utf8");
  const $ = load(page);
  assert.equal($("script, a, link, iframe, object, form, i").length, 0);
  for (const element of $("*").get()) {
    for (const name of Object.keys("attribs" in element ? element.attribs : {})) assert.doesNotMatch(name, /^on/i);
  }
  assert.match(
    $("meta[http-equiv]").attr("content") ?? "",
    /^default-src 'none'; img-src data:; style-src 'unsafe-inline'$/,
  );
  assert.match($("#gallery").text(), /"><script>alert\('1'\)<\/script>/);
  assert.match($("#hosts").text(), /<b>\.example/);
  assert.match($("#list").text(), /<i>senate<\/i>/);
  assert.doesNotMatch(page, /[\u0000-\u0008\u000e-\u001f\u202e]/);
});

test("the same database gives the same bytes, and no unfinished file stays", async (t) => {
  const { db, data } = await filledWorkspace(t);
  const first = readFileSync((await writeReport(db, data)).file);
  assert.deepEqual(readFileSync((await writeReport(db, data)).file), first);
  assert.deepEqual(
    readdirSync(data).filter((name) => name.startsWith("report")),
    ["report.html"],
  );
});

test("pictures that are gone leave empty frames", async (t) => {
  const { db, data } = await filledWorkspace(t);
  rmSync(join(data, "spool"), { recursive: true });
  const $ = load(readFileSync((await writeReport(db, data)).file, "utf8"));
  assert.equal($("img").length, 0);
  assert.ok($("#gallery .missing").length > 10);
});

test("an empty workspace and one without kept pairs have a report that says so", async (t) => {
  const { db, data } = emptyWorkspace(t);
  const empty = load(readFileSync((await writeReport(db, data)).file, "utf8"));
  assert.match(empty("header").text(), /No pair has been kept yet.*npm run build-queries/);
  assert.doesNotMatch(empty.html(), /NaN|undefined|Infinity/);
});

test("a half-done workspace has a report", async (t) => {
  const { db, data } = await filledWorkspace(t);
  db.exec(
    "UPDATE pair SET state = 'candidate' WHERE state IN ('kept', 'chosen'); UPDATE query SET kept = 0, chosen = 0; DELETE FROM meta; DELETE FROM shard",
  );
  const $ = load(readFileSync((await writeReport(db, data)).file, "utf8"));
  assert.match($("header").text(), /No pair has been kept yet.*goes on from here/);
  assert.equal($("#gallery").length, 0);
  assert.match($("#balance").text(), /No cap was applied yet/);
  assert.equal($("#balance svg.wide [aria-label=line] path").length, 1);
});

test("pictures that lie elsewhere are read there", async (t) => {
  const { db, data } = await filledWorkspace(t);
  const here = readFileSync((await writeReport(db, data)).file);
  renameSync(join(data, "spool"), join(data, "elsewhere"));
  const read = async (file: string, offset: number, bytes: number) =>
    readFileSync(join(data, file.replace("spool", "elsewhere"))).subarray(offset, offset + bytes);
  assert.ok(readFileSync((await writeReport(db, data, read)).file).equals(here));
});

test("a report that cannot be put in place leaves nothing behind", async (t) => {
  const { db, data } = emptyWorkspace(t);
  mkdirSync(join(data, "report.html", "in the way"), { recursive: true });
  await assert.rejects(writeReport(db, data));
  assert.deepEqual(
    readdirSync(data).filter((name) => name.endsWith(".tmp")),
    [],
  );
});

test("the gallery's queries come from head, middle and tail, each once", () => {
  for (const total of [0, 1, 5, 8, 9, 30, 1000, 500_000]) {
    const groups = chooseRanks(total);
    const all = groups.flat();
    assert.equal(new Set(all).size, all.length);
    assert.ok(all.every((rank) => rank >= 0 && rank < total));
    assert.equal(all.length > 0, total > 0);
    if (total >= 1000)
      assert.deepEqual(
        groups.map((group) => group.length),
        [8, 8, 8],
      );
    if (total > 8) assert.equal(all.at(-1), total - 1);
  }
});
