/**
 * `npm run test:open-with`: what we write is opened with the programs it is written for, each from PyPI: Hugging Face's
 * datasets, COCO's own tools, Datasette.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { EXPORT_FORMATS, exportTo } from "../../store/export/export.ts";
import { ensureVenv } from "../../store/python.ts";
import { freePort } from "../servers/free-port.ts";
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

test("datasette opens the database with our metadata: tables, views, facets and the twelve queries", async (t) => {
  const { data } = await builtWorkspace(t);
  const port = await freePort();
  const args = [
    "-m",
    "datasette",
    "serve",
    join(data, "wit.sqlite"),
    "--metadata",
    "docs/datasette.json",
    "--host",
    "127.0.0.1",
    "--port",
    String(port),
  ];
  const server = spawn(python, args, { stdio: "ignore" });
  t.after(() => server.kill());
  const address = `http://127.0.0.1:${port}`;
  while (server.exitCode === null && !(await fetch(`${address}/-/versions.json`).catch(() => undefined))?.ok)
    await sleep(200);
  const json = async (path: string) => {
    const response = await fetch(address + path);
    assert.equal(response.status, 200, path);
    return response.json() as Promise<{
      rows: unknown[];
      queries: { name: string }[];
      tables: { name: string; hidden: boolean }[];
      facet_results: object;
    }>;
  };
  const database = await json("/wit.json");
  assert.deepEqual(
    database.tables
      .filter(({ hidden }) => !hidden)
      .map(({ name }) => name)
      .filter((name) => /^(pair|query|removed|robots|page|meta)$/.test(name))
      .sort(),
    ["pair", "query", "removed"],
  );
  assert.equal(database.queries.length, 12);
  for (const { name } of database.queries) assert.ok((await json(`/wit/${name}.json`)).rows, name);
  for (const view of [
    "funnel",
    "query_stats",
    "drop_reasons",
    "host_stats",
    "licence_stats",
    "shard_stats",
    "run_stats",
    "size_stats",
  ])
    assert.ok((await json(`/wit/${view}.json`)).rows.length > 0, view);
  const pairs = await fetch(`${address}/wit/pair?_search=owned`);
  const page = await pairs.text();
  assert.equal(pairs.status, 200);
  assert.match(page, /metadata|One row a candidate/);
  assert.ok(page.includes("&lt;script&gt;") && !page.includes('<script>document.title = "owned"'));
});
