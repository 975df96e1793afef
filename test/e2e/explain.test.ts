import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { run, useShortList } from "../cli.ts";
import { temporaryFolder } from "../folder.ts";

const data = temporaryFolder("explain");
useShortList(data, ["red", "apple", "table", "dog", "cat", "photo"]);

async function explain(args: string[], input = ""): Promise<string> {
  const { code, out, error } = await run(["explain", "--data", data, ...args], { input });
  assert.equal(code, 0, error);
  return out;
}

test("explain --stdin: one JSON object a line, in order, also for thousands of lines", async () => {
  const lines = [
    "A red apple on a table",
    "DSC_0123.JPG",
    "",
    "a dog ".repeat(3),
    ...Array.from({ length: 5_000 }, (_, i) => `A photo of ${i} cats`),
  ];
  const answers = (await explain(["--stdin"], `${lines.join("\n")}\n`))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.equal(answers.length, lines.length);
  assert.deepEqual(Object.keys(answers[0]), ["caption", "kept", "reason", "queries"]);
  assert.equal(answers[0].kept, true);
  assert.ok(answers[0].queries.includes("red") && answers[0].queries.includes("apple"));
  assert.deepEqual([answers[1].kept, answers[1].reason, answers[1].queries], [false, "auto_name", []]);
  assert.equal(answers[2].kept, false);
  assert.equal(answers[5_003].caption, "A photo of 4999 cats");
});

test("explain CAPTION: every rule's verdict, then the queries", async () => {
  const out = await explain(["A red apple on a table"]);
  assert.match(out, /keeps {6}auto_name/);
  assert.match(out, /keeps {6}not_english/);
  assert.match(out, /queries {4}.*\bapple\b/);
  assert.match(out, /kept: goes on to the cap/);
  assert.match(await explain(["IMG_20160716_113957.JPG"]), /DROPS {6}auto_name[\s\S]*dropped: auto_name/);
  const metaclip = await explain(["IMG_20160716_113957.JPG", "--profile", "metaclip", "--lang", "any"]);
  assert.match(metaclip, /queries {4}none\ndropped: no_query/);
  assert.match(await explain(["Ein roter Apfel auf dem Tisch", "--lang", "de"]), /keeps {6}other_language/);
});

test("explain ID | URL: the pairs of the workspace, each with its verdicts, state and what it was chosen for", async () => {
  const list = join(data, "list.tsv");
  const url = "http://pictures.example/cat.jpg";
  writeFileSync(list, `url\tcaption\n${url}\ta black cat\n${url}\tDSC_0001\nhttp://pictures.example/d.jpg\ta dog\n`);
  const common = ["--data", data, "--quiet"];
  assert.equal((await run(["discover", ...common, "--urls", list, "--user-agent", "test (me)"])).code, 0);
  assert.equal((await run(["select", ...common])).code, 0);
  const pairs = (await explain([`${url}#part`])).split("\n\n");
  assert.equal(pairs.length, 2);
  const cat = pairs.find((pair) => pair.includes("black cat")) ?? "";
  assert.match(cat, /keeps {6}not_english[\s\S]*queries {4}.*\bcat\b[\s\S]*state {6}chosen\nchosen for .*\bcat\b/);
  const name = pairs.find((pair) => pair.includes("DSC_0001")) ?? "";
  assert.match(name, /DROPS {6}auto_name: camera name[\s\S]*state {6}dropped: auto_name \(camera name\)/);
  const id = /pair {7}([0-9a-f]{16})/.exec(cat)?.[1] ?? "";
  assert.equal(await explain([id]), `${cat.trimEnd()}\n`);
  const unknown = await run(["explain", "--data", data, "http://pictures.example/none.jpg"]);
  assert.deepEqual([unknown.code, /no pair, picture or page/.test(unknown.error)], [1, true]);
});

test("explain URL: a page that could not be read, which no pair is of", async () => {
  const other = temporaryFolder("explain-page");
  useShortList(other, ["dog"]);
  const seed = ["--seeds", "http://127.0.0.1:9/"];
  const crawl = await run(["crawl", "--data", other, "--quiet", "--allow-private", "127.0.0.0/8", ...seed]);
  assert.match(
    crawl.out,
    /\n0 pages read, 1 not read \(connect 1\), such as http:\/\/127\.0\.0\.1:9\/; --retry connect/,
  );
  const { out } = await run(["explain", "--data", other, "http://127.0.0.1:9/#part"]);
  assert.equal(out, "page       http://127.0.0.1:9/\nstate      not read: connect\n");
});

test("another profile judges all pairs again; wrong names are refused with the right ones", async () => {
  const common = ["--data", data, "--quiet"];
  assert.equal((await run(["discover", ...common, "--profile", "datacomp"])).code, 0);
  // Three words are asked now: "a dog" is too short, "a black cat" is not; the camera's name is no English.
  assert.match(
    await explain(["http://pictures.example/d.jpg"]),
    /DROPS {6}too_short: 5 characters[\s\S]*dropped: too_short/,
  );
  assert.match(await explain(["http://pictures.example/cat.jpg"]), /a black cat[\s\S]*state {6}candidate/);
  for (const [option, value, message] of [
    ["--profile", "none", /--profile none: expected one of clip, laion/],
    ["--lang", "xx", /--lang xx: expected any or one of/],
    ["--match", "none", /Allowed choices are fold, metaclip/],
  ] as const) {
    const { code, error } = await run(["explain", "--data", data, "a cat", option, value]);
    assert.equal(code, 2, error);
    assert.match(error, message);
  }
});
