import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { buildQueriesCommand } from "../../queries/command.ts";
import { MIRROR } from "../../queries/inputs.ts";
import { partitioning } from "../../queries/wikipedia.ts";
import { UsageError } from "../../store/usage-error.ts";
import { temporaryFolder } from "../folder.ts";
import { bzip2, fixture, SAMPLE, tinyWordNet, unpack } from "./fixtures.ts";

const folder = temporaryFolder("dump");
const FEW = ["--size", "10000", "--min-count", "10", "--wordnet", tinyWordNet(folder)];

function buildBare(data: string, ...options: string[]) {
  const args = ["cli.ts", "build-queries", "--data", join(folder, data), ...options];
  return spawnSync(process.execPath, args, { encoding: "utf8" });
}

const build = (data: string, ...options: string[]) => buildBare(data, ...FEW, ...options);

const list = (data: string) => readFileSync(join(folder, data, "queries.tsv"), "utf8");
const row = (data: string, term: string) =>
  list(data)
    .split("\n")
    .find((line) => line.startsWith(`${term}\t`));

test("a packed dump and the plain one give the same list; its composition is printed", () => {
  const packed = build("packed", "--dump", SAMPLE);
  assert.equal(packed.status, 0, packed.stderr);
  const plain = join(folder, "plain.xml");
  writeFileSync(plain, unpack(SAMPLE));
  assert.equal(build("plain", "--dump", plain, "--threads", "1").status, 0);
  assert.ok(list("packed") === list("plain"));
  assert.match(packed.stdout, /106 articles \(99 redirects and 1 other pages passed over\), 47\d,\d{3} words/);
  assert.match(packed.stdout, /words +5,\d{3} +0 +0 +10 occurrences +the, of, and, in, to/);
  assert.match(packed.stdout, /bigrams +[\d,]+ +\d+ +\d+ +PMI \d+\.\d\d +\S/);
  assert.match(packed.stdout, /titles need page views/i);
  assert.match(row("packed", "the") ?? "", /^the\tunigram\t3\d{4}\t4\.5\d*\tunigram\t0$/);
  assert.match(row("packed", "hong kong") ?? "", /^hong kong\tsynset\t15\t0\tbigram,synset\t0$/);
});

test("ranks count their parts into one cache; the list of them all is that of one process", () => {
  const plain = join(folder, "ranked.xml");
  // Long enough for several parts: the sample again and again, as one dump.
  const xml = unpack(SAMPLE);
  const body = xml.subarray(xml.indexOf("  <page>"), xml.lastIndexOf("</mediawiki>"));
  writeFileSync(
    plain,
    Buffer.concat([xml.subarray(0, xml.indexOf("  <page>")), ...Array(5).fill(body), Buffer.from("</mediawiki>\n")]),
  );
  assert.equal(build("ranked-one", "--dump", plain).status, 0);
  const rank = (number: number, env = {}) =>
    spawnSync(
      process.execPath,
      ["cli.ts", "build-queries", "--data", join(folder, "ranked"), ...FEW, "--dump", plain, ...rankOptions(number)],
      { encoding: "utf8", env: { ...process.env, ...env } },
    );
  const rankOptions = (number: number) => (number < 0 ? ["--world", "2"] : ["--rank", String(number), "--world", "2"]);
  const first = rank(1);
  assert.equal(first.status, 0, first.stderr);
  assert.match(first.stdout, /rank 1 of 2: \d+ parts counted, [\d,]+ articles/);
  assert.equal(existsSync(join(folder, "ranked", "queries.tsv")), false, "a rank makes no list");
  // The other one as a job of an array, and once more: nothing is left to count.
  assert.equal(rank(-1, { SLURM_ARRAY_TASK_ID: "0" }).status, 0);
  assert.match(rank(0).stdout, /rank 0 of 2: (\d+) parts counted, \1 of them before/);
  const all = build("ranked", "--dump", plain);
  assert.equal(all.status, 0, all.stderr);
  assert.match(all.stdout, /(\d+) of \1 parts had been read before/);
  assert.ok(list("ranked") === list("ranked-one"));
  for (const [options, message] of [
    [["--rank", "2", "--world", "2"], /the last one is 1/],
    [["--rank", "0"], /--world is missing/],
    [["--world", "2"], /--rank is missing/],
  ] as const) {
    const { status, stderr } = build("ranked", "--dump", plain, ...options);
    assert.equal(status, 2);
    assert.match(stderr, message);
  }
});

test("parts of a dump are named by a glob and add up to the whole", () => {
  const xml = unpack(SAMPLE);
  const cut = xml.indexOf("  <page>", 3_000_000);
  const head = xml.subarray(0, xml.indexOf("  <page>"));
  const end = Buffer.from("</mediawiki>\n");
  mkdirSync(join(folder, "parts"));
  const name = (n: number) => join(folder, "parts", `enwiki-20240101-pages-articles${n}.xml-p${n}p9.bz2`);
  writeFileSync(name(1), bzip2(Buffer.concat([xml.subarray(0, cut), end])));
  writeFileSync(name(2), bzip2(Buffer.concat([head, xml.subarray(cut)]), 1));
  writeFileSync(
    join(folder, "parts", "enwiki-20240101-pages-articles-multistream-index1.txt.bz2"),
    bzip2(Buffer.from("0:1:A\n")),
  );
  const { status, stderr } = build("parts", "--dump", join(folder, "parts", "*.bz2"), "--quiet");
  assert.equal(status, 0, stderr);
  assert.ok(list("parts") === list("packed"));
});

test("a damaged dump is counted without its damaged block, which is told with its offset", () => {
  const bytes = readFileSync(SAMPLE);
  bytes[900_000] = (bytes[900_000] ?? 0) ^ 1;
  const damaged = join(folder, "damaged.xml.bz2");
  writeFileSync(damaged, bytes);
  const { status, stdout } = build("damaged", "--dump", damaged);
  assert.equal(status, 0);
  assert.match(stdout, /passed over 1 damaged block, .*\n.*damaged\.xml\.bz2 at byte [\d,]+: /);
  assert.match(stdout, /1 page without an end/);
  const { dump } = JSON.parse(readFileSync(join(folder, "damaged", "queries.provenance.json"), "utf8"));
  assert.equal(dump.damages.length, 1);
  assert.ok(dump.articles > 70 && dump.articles < 106);
});

test("killed, it goes on with the parts it had not read", { timeout: 240_000 }, async () => {
  // Four parts, so that some are done when it is killed and some are not.
  const xml = unpack(SAMPLE);
  const [start, end] = [xml.indexOf("  <page>"), xml.indexOf("</mediawiki>")];
  const pages = xml.subarray(start, end);
  const big = join(folder, "big.xml");
  writeFileSync(big, Buffer.concat([xml.subarray(0, start), ...Array(7).fill(pages), xml.subarray(end)]));
  const args = ["cli.ts", "build-queries", "--data", join(folder, "killed"), ...FEW, "--dump", big, "--threads", "1"];
  const child = spawn(process.execPath, args, { stdio: "ignore" });
  const done = () => globSync(join(folder, "killed", "cache", "*", "*.json"));
  while (done().length < 1 && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 5));
  child.kill("SIGKILL");
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  const before = done().map((file) => [file, statSync(file).mtimeMs] as const);
  assert.ok(before.length >= 1);
  assert.ok(!existsSync(join(folder, "killed", "queries.tsv")));

  const again = build("killed", "--dump", big, "--threads", "2");
  assert.equal(again.status, 0, again.stderr);
  assert.match(again.stdout, new RegExp(`${before.length} of 4 parts had been read before`));
  for (const [file, time] of before) assert.equal(statSync(file).mtimeMs, time);
  assert.equal(build("whole", "--dump", big).status, 0);
  assert.ok(list("killed") === list("whole"));
});

test("MetaCLIP's profile counts every pair and says what its PMI of 30 would take", () => {
  const { status, stdout } = build("metaclip", "--dump", SAMPLE, "--profile", "metaclip");
  assert.equal(status, 0);
  assert.match(stdout, /no pair passes the rule for bigrams: the highest PMI is 18\.8\d/);
  const low = build("metaclip", "--dump", SAMPLE, "--profile", "metaclip", "--min-pmi", "18");
  assert.match(low.stdout, /bigrams +[\d,]+ .* PMI 1[89]\.\d\d/);
});

test("with case kept, The and the are two terms", () => {
  assert.equal(build("keep", "--dump", SAMPLE, "--case", "keep", "--quiet").status, 0);
  assert.ok(row("keep", "The") && row("keep", "the") && row("keep", "Afghanistan"));
  assert.equal(row("keep", "afghanistan"), undefined);
});

test("ranked by NPMI the list is another one", () => {
  const { stdout } = build("npmi", "--dump", SAMPLE, "--rank-by", "npmi", "--min-pair-count", "3");
  assert.match(stdout, /bigrams .* NPMI -?\d\.\d\d/);
});

test("another language: its own namespaces, no English synsets", () => {
  const bulgarian = join(folder, "bg.xml");
  writeFileSync(
    bulgarian,
    unpack(fixture("bgwiki-sample.xml.bz2"))
      .toString("utf16le")
      .replace(/^\ufeff/, ""),
  );
  const { status, stdout, stderr } = buildBare("bg", "--dump", bulgarian, "--lang", "bg", "--min-count", "10");
  assert.equal(status, 0, stderr);
  assert.match(stdout, /1 articles \(0 redirects and 2 other pages/);
  assert.ok(row("bg", "календар"));
  assert.match(stdout, /The dump has no more words seen 10 times/);
});

const WRONG: [string, string[], RegExp][] = [
  ["no such file", ["--dump", "none-*.bz2"], /^error: --dump none-\*\.bz2: no such file/m],
  ["no spaces", ["--lang", "ja"], /--lang ja: its words are not separated by spaces/],
  ["a share beyond one", ["--bigram-share", "2"], /expected a number from 0 to 1/],
];
for (const [name, options, message] of WRONG) {
  test(`wrong use: ${name}`, () => {
    const { status, stderr } = build("wrong", ...options);
    assert.match(stderr, message);
    assert.equal(status, 2);
    assert.ok(!existsSync(join(folder, "wrong")));
  });
}

test("what cannot be read or does not fit together is one line that says what to do", async () => {
  const flags = {
    data: join(folder, "wrong"),
    quiet: true,
    size: 10,
    minCount: 1,
    profile: "clip",
    case: "fold",
  } as const;
  const rest = { out: join(folder, "wrong.tsv"), lang: "en", memory: 100, mirror: MIRROR, yes: false } as const;
  const refuse = (options: object, message: RegExp, kind: new (message?: string) => Error = UsageError) =>
    assert.rejects(buildQueriesCommand({ ...flags, ...rest, ...options }), (error: Error) => {
      assert.match(error.message, message);
      assert.ok(error instanceof kind);
      return true;
    });
  await refuse({ dump: [fixture("bgwiki-sample.xml.bz2")] }, /is UTF-16; convert it first: iconv/, Error);
  await refuse({ dump: ["package.json"] }, /package\.json: neither a MediaWiki XML dump/, Error);
  await refuse({ dump: [folder] }, /is a folder; name its files/);
  await refuse({ dump: [SAMPLE], lang: "de" }, /is a dump in en; say --lang en/);
  await refuse({ lang: "de" }, /the embedded words are English; add --dump/);
  await refuse({ dump: [SAMPLE], counts: "x" }, /--counts and --dump both give the words/);
  await refuse({ download: true }, /--user-agent is missing: dumps\.wikimedia\.org asks who is there/);
  await refuse({ download: "soon" }, /--download soon: expected YYYYMMDD/);
});

test("the same pages twice are refused", () => {
  const twice = join(folder, "twice");
  mkdirSync(twice);
  for (const name of ["pages-articles-multistream.xml.bz2", "pages-articles-multistream1.xml-p1p9.bz2"])
    writeFileSync(join(twice, `enwiki-20240101-${name}`), "");
  const { status, stderr } = build("wrong", "--dump", join(twice, "*.bz2"));
  assert.equal(status, 2);
  assert.match(stderr, /holds pages that another of the files holds too/);
});

test("memory decides the number of partitions and the size of their buffers", () => {
  const [small, large] = [16e6, 1000e6].map((memory) => partitioning(3e9, { memory, threads: 16 }));
  assert.ok(small && large);
  assert.ok(small.partitions * small.buffer * 8 * 16 <= 4096 * 64 * 8 * 16);
  assert.ok(large.partitions >= 2048 && large.partitions * large.buffer * 8 * 16 <= 1000e6);
  assert.equal(partitioning(100, { memory: 1e9, threads: 1 }).partitions, 16);
});
