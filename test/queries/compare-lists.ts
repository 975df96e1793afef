import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../folder.ts";
import { growDump } from "./grown-dump.ts";
import { slowList } from "./slow-list.ts";

/** How large a list is built, and from what. */
interface Scale {
  copies: number;
  shortPages: number;
  size: number;
  minCount: number;
}

/**
 * Builds a list from a grown dump and page views by the command line, twice, with other threads and memory; compares
 * both, byte by byte, and every row with the slow way's.
 */
export async function compareWithSlowList({ copies, shortPages, size, minCount }: Scale): Promise<void> {
  const folder = temporaryFolder("full");
  const build = (data: string, ...options: string[]) => {
    const settings = ["--quiet", "--data", data, "--size", String(size), "--min-count", String(minCount)];
    const { status, stderr } = spawnSync(process.execPath, ["cli.ts", "build-queries", ...settings, ...options], {
      encoding: "utf8",
    });
    assert.equal(status, 0, stderr);
    return readFileSync(join(data, "queries.tsv"), "utf8");
  };
  const { xml, titles, redirects } = growDump(copies, shortPages);
  const dump = join(folder, "grown.xml");
  writeFileSync(dump, xml);
  const hours = ["pageviews-20240115-000000", "pageviews-20240615-120000"].map((name, hour) => {
    const lines = titles.map((title, i) => `en ${title.replaceAll(" ", "_")} ${((i * 7919) % 500) + 20 * hour} 0`);
    const mobile = redirects.map(([title], i) => `en.m ${encodeURIComponent(title.replaceAll(" ", "_"))} ${i % 90} 0`);
    const file = join(folder, name);
    writeFileSync(file, `${lines.join("\n")}\n${mobile.join("\n")}\nde Berlin 9000 0\n`);
    return file;
  });
  const inputs = ["--dump", dump, "--pageviews", ...hours];
  const [one, two] = [join(folder, "one"), join(folder, "two")];
  const list = build(one, ...inputs, "--threads", "1", "--memory", "20", "--export", "json");
  const again = build(two, ...inputs, "--threads", "3", "--memory", "2000");
  assert.ok(list === again, "the lists of one and of three threads differ");

  const rows = list.trimEnd().split("\n").slice(1);
  assert.equal(rows.length, size);
  const expected = await slowList(xml, hours, size, minCount);
  assert.equal(expected.length, size);
  for (const [index, row] of rows.entries()) assert.equal(row, expected[index]);
  assert.deepEqual(
    JSON.parse(readFileSync(join(one, "queries.json"), "utf8")),
    rows.map((row) => row.split("\t")[0]),
  );
  const { composition } = JSON.parse(readFileSync(join(one, "queries.provenance.json"), "utf8"));
  const terms = composition.map((part: { terms: number }) => part.terms);
  assert.equal(
    terms.reduce((sum: number, count: number) => sum + count, 0),
    size,
  );
  // Each of words, synsets, bigrams and titles has its part in it.
  for (const count of terms.slice(0, 4)) assert.ok(count > 0, String(terms));
}
