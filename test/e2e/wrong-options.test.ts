import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "../cli.ts";
import { temporaryFolder } from "../folder.ts";

// Fault 45 of the reliability table: options that cannot be meant, refused by name before anything is asked for or written.

const folder = temporaryFolder("options");
const SEEDS = ["--seeds", "http://127.0.0.1:9/", "--allow-private", "127.0.0.0/8"];
const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

const WRONG: readonly [string[], RegExp][] = [
  [["--no-such-option"], /unknown option '--no-such-option'/],
  [["--cap", "NaN"], /--cap.*whole number/],
  [["--cap", "-1"], /--cap.*whole number/],
  [["--max-pages", "1e999"], /--max-pages.*whole number/],
  [["--max-pages-per-site", "0"], /--max-pages-per-site.*whole number/],
  [["--depth", "2.5"], /--depth.*whole number/],
  [["--user-agent", "me\r\nX-Evil: 1"], /--user-agent/],
  [["--opt-out", "ignore"], /--opt-out.*obey, record/],
  [["--allow-private", "everything"], /--allow-private everything/],
  [["--resolve", "a.example"], /--resolve a\.example/],
  [["--dns", "name.server.example"], /--dns name\.server\.example/],
  [["--host-limits", file("flood.tsv", "a.example\t0\t1000\t1000000000\n")], /flood\.tsv:1/],
  [["--host-limits", file("nan.tsv", "a.example\tNaN\t1\t1\n")], /nan\.tsv:1/],
  [["--host-limits", file("range.tsv", "10.0.0.0/99\t0\t1\t1\n")], /range\.tsv:1/],
]; // biome-ignore format: a table

test("45. options that cannot be meant", async () => {
  // Two at a time: each is a process.
  const rows = [...WRONG.entries()];
  const check = async () => {
    for (let next = rows.shift(); next; next = rows.shift()) {
      const [i, [args, message]] = next;
      const data = join(folder, `data${i}`);
      const { code, error } = await run(["crawl", "--data", data, ...SEEDS, ...args]);
      assert.equal(code, 2, `${args.join(" ")}: ${code} ${error}`);
      assert.match(error, message);
      assert.ok(!existsSync(data), args.join(" "));
    }
  };
  await Promise.all([check(), check()]);
});
