import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { ENGLISH_NAMESPACES } from "../../queries/pages.ts";
import { readTitles, type ViewRule } from "../../queries/pageviews.ts";
import { PROFILES } from "../../queries/profiles.ts";
import { temporaryFolder } from "../folder.ts";

const folder = temporaryFolder("views");
const site = { namespaces: ENGLISH_NAMESPACES, mainPage: "Main Page" };
const rule: ViewRule = { ...PROFILES.clip.views, minViews: 10, language: "en", case: "fold" };

function hour(name: string, ...lines: string[]): string {
  const file = join(folder, name);
  const text = `${lines.join("\n")}\n`;
  writeFileSync(file, name.endsWith(".gz") ? gzipSync(text) : text);
  return file;
}

function titlesOf(...lines: string[]): string {
  const file = join(folder, `${lines.length}-${lines[0]?.length}.titles`);
  writeFileSync(file, `${lines.join("\n")}\n`);
  return file;
}

async function viewsOf(files: string[], titleFiles: string[], changes: Partial<ViewRule> = {}) {
  const titles = await readTitles(files, titleFiles, site, { ...rule, ...changes }, true);
  return { titles, views: Object.fromEntries([...titles.terms.values()].map(({ term, views }) => [term, views])) };
}

test("hours add up, desktop and mobile, plain and gz; other projects and namespaces stay out", async () => {
  const files = [
    hour("pageviews-20240115-000000", "de Hund 99 0", "en Dog 7 0", "en.b Dog 50 0", "en Special:Search 80 0"),
    hour(
      "pageviews-20240116-130000.gz",
      "en Dog 5 0",
      "en.m Dog 4 0",
      "en Main_Page 999 0",
      "en.m talk:Dog 70 0",
      "en Rare 9 0",
    ),
  ];
  const { titles, views } = await viewsOf(files, []);
  assert.deepEqual(views, { dog: 16 });
  assert.deepEqual([titles.hours, titles.days, titles.malformed], [2, ["2024-01-15", "2024-01-16"], 0]);
  assert.deepEqual((await viewsOf(files, [], { desktopOnly: true })).views, { dog: 12 });
  assert.deepEqual((await viewsOf(files, [], { desktopOnly: true, minHourly: 6, minViews: 1 })).views, {
    dog: 7,
    rare: 9,
  });
});

test("escapes are decoded, what is malformed is counted", async () => {
  const file = hour(
    "pageviews-20240117-000000",
    ...[
      "en Caf%C3%A9 10 0",
      "en Café 10 0",
      "en AC%2FDC 30 0",
      "en café 5 0",
      "en %E0%A4 40 0",
      "en Torn",
      "en Torn x 0",
      "en  5 0",
    ],
  );
  const { titles, views } = await viewsOf([file], []);
  assert.deepEqual(views, { café: 25, "ac/dc": 30 });
  assert.equal(titles.malformed, 4);
});

test("views of redirects go to the article, over several hops, rings to nobody", async () => {
  const file = hour(
    "pageviews-20240118-000000",
    ...[
      "en Dog 10 0",
      "en Canis_familiaris 20 0",
      "en Doggy 40 0",
      "en A_ring 100 0",
      "en Nowhere 70 0",
      "en No_article 80 0",
    ],
  );
  const parts = [
    titlesOf("Canis familiaris\tDog", "Doggy\tDoggie", "A ring\tB ring", "B ring\tA ring"),
    titlesOf("Dog", "Doggie\tdog#Section", "Nowhere\tNo such article"),
  ];
  const { titles, views } = await viewsOf([file], parts);
  assert.deepEqual(views, { dog: 70 });
  assert.equal(titles.redirected, 130);
  assert.ok(titles.missing >= 2);
});

test("titles that are one term add up under the one read most", async () => {
  const file = hour(
    "pageviews-20240119-000000",
    "en Mercury_(planet) 30 0",
    "en Mercury_(element) 20 0",
    "en T-shirt 9 0",
    "en T_shirt 8 0",
  );
  assert.deepEqual((await viewsOf([file], [])).views, { mercury: 50, "t-shirt": 17 });
  assert.deepEqual((await viewsOf([file], [], { cutQualifiers: false, minViews: 20 })).views, {
    "mercury (planet)": 30,
    "mercury (element)": 20,
  });
  assert.deepEqual((await viewsOf([file], [], { case: "keep" })).views, { Mercury: 50, "T-shirt": 17 });
});

test("MetaCLIP leaves out every title with a colon", async () => {
  const file = hour("pageviews-20240120-000000", "en Alien:_Resurrection 90 0", "en Category:Films 90 0");
  assert.deepEqual((await viewsOf([file], [])).views, { "alien: resurrection": 90 });
  assert.deepEqual((await viewsOf([file], [], { noColons: true })).views, {});
});

test("an hour that is cut short is named", async () => {
  const file = join(folder, "pageviews-20240121-000000.gz");
  writeFileSync(file, gzipSync("en Dog 5 0\n".repeat(1000)).subarray(0, 40));
  await assert.rejects(
    viewsOf([file], []),
    /pageviews-20240121-000000\.gz: unexpected end of file; fetch this hour again/,
  );
});
