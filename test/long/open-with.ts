/**
 * `npm run test:open-with`: what we write is opened with the programs it is written for, each from PyPI: Hugging Face's
 * datasets, COCO's own tools, Datasette.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { EXPORT_FORMATS, exportTo } from "../../store/export/export.ts";
import { ensureVenv } from "../../store/python.ts";
import { builtWorkspace } from "../store/built-workspace.ts";

const python = ensureVenv("bench/.venv-open-with", "test/long/open-with-requirements.txt", (text) => console.log(text));

interface Kept {
  id: string;
  image_url: string;
  caption: string;
  sha256: string;
}

test("datasets and pycocotools open the exports and see every pair", async (t) => {
  const { db, data } = await builtWorkspace(t);
  for (const format of EXPORT_FORMATS) await exportTo(format, db, data, join(data, "export", format), () => {});
  const kept = db.prepare<[], Kept>("SELECT * FROM pair WHERE state = 'kept' ORDER BY shard, key").all();
  const env = { ...process.env, HF_HOME: join(data, "hf-home"), HF_HUB_OFFLINE: "1" };
  const output = execFileSync(python, ["test/long/open_exports.py", join(data, "export")], {
    encoding: "utf8",
    env,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const seen = JSON.parse(output.slice(output.lastIndexOf('{"hf"')));
  assert.deepEqual(
    seen.hf.map(({ id, caption, size }: { id: string; caption: string; size: number[] }) => [id, caption, size]),
    kept.map(({ id, caption }) => [id, caption, [96, 80]]),
  );
  assert.match(seen.features.image, /^Image/);
  assert.match(seen.features.queries, /^List\(Value\('string'\)\)$/);
  assert.deepEqual(
    seen.table,
    kept.map(({ id }) => id),
  );
  assert.deepEqual(
    seen.urls,
    kept.map((row) => [row.image_url, row.caption, row.sha256]),
  );
  assert.deepEqual(
    seen.coco,
    kept.map(({ caption }) => caption),
  );
});
