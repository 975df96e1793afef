import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { globSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openForReading } from "../../store/database.ts";
import type { SampleMetadata } from "../../store/parquet.ts";
import { ensurePython } from "../../train/launch.ts";
import { run, useShortList } from "../cli.ts";
import { temporaryFolder } from "../folder.ts";
import { type SmallSite, startSmallSite } from "../servers/small-site.ts";

interface ReadSample {
  key: string;
  parts: string[];
  size: [number, number];
  format: string;
  text: string;
  json: SampleMetadata;
}

const data = temporaryFolder("webdataset");
let site: SmallSite;
before(async () => {
  site = await startSmallSite(2, 3, 10);
  const limits = join(data, "limits.tsv");
  writeFileSync(limits, "127.0.0.0/8\t0\t10000\t4\n");
  useShortList(data, ["apple", "drawing"]);
  const args = ["crawl", "--data", data, "--quiet", "--shard-size", "20", "--host-limits", limits, ...site.options];
  const { code, error } = await run(args);
  assert.equal(code, 0, error);
});
after(() => site.close());

test("the webdataset package reads every sample of a crawl, whole", () => {
  const shards = globSync(join(data, "shards", "*.tar")).sort();
  assert.equal(shards.length, 3);
  const python = ensurePython({ tests: true });
  const samples: ReadSample[] = execFileSync(python, ["test/e2e/read_samples.py", ...shards], { encoding: "utf8" })
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const db = openForReading(data);
  const rows = db
    .prepare<[], { id: string; key: string; image_url: string; page_url: string; caption: string; sha256: string }>(
      "SELECT * FROM pair WHERE state = 'kept' ORDER BY shard, key",
    )
    .all();
  db.close();
  assert.equal(rows.length, 54);
  assert.deepEqual(
    samples.map(({ key }) => key),
    rows.map(({ key }) => key),
  );
  for (const [i, { parts, size, format, text, json }] of samples.entries()) {
    const row = rows[i];
    assert.deepEqual(parts, ["jpg", "json", "txt"]);
    assert.equal(format, "JPEG");
    assert.deepEqual(size, [80, 70]);
    assert.equal(text, row?.caption);
    const { id, url, page, caption, queries, width, height, sha256 } = json;
    assert.deepEqual(
      { id, image_url: url, page_url: page, caption, sha256 },
      { id: row?.id, image_url: row?.image_url, page_url: row?.page_url, caption: text, sha256: row?.sha256 },
    );
    assert.deepEqual([width, height], size);
    assert.ok(queries.includes("apple"), queries.join());
    assert.ok("licence" in json);
  }
});
