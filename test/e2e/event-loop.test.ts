import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { extractSitemap } from "../../crawler/sitemap.ts";
import { openForReading } from "../../store/database.ts";
import { run, useShortList } from "../cli.ts";
import { temporaryFolder } from "../folder.ts";
import { serveFiles } from "../servers/files.ts";

const IMG = (i: number) => `<img src="${i}.png" alt="A boat ${i}">`;
const many = (n: number, text: (i: number) => string) => Array.from({ length: n }, (_, i) => text(i)).join("");

const PAGES: Record<string, string> = {
  "/nested.html": IMG(1) + "<div>".repeat(50_000),
  "/attributes.html": `${IMG(2)}<p ${many(200_000, (i) => `a${i}=1 `)}>`,
  "/text.html": IMG(3) + "x".repeat(50_000_000),
  "/almost-text.html": IMG(4) + "x ".repeat(2_400_000),
  "/pictures.html": many(30_000, (i) => IMG(100 + i)),
  "/links.html": IMG(5) + many(50_000, (i) => `<a href="/deep/${i}.html">`),
  "/sitemap.xml": `<urlset>${many(50_000, (i) => `<url><loc>http://HOST/deep/s${i}.html</loc><image:image><image:loc>http://HOST/${i}.jpg</image:loc><image:caption>A boat number ${i}</image:caption></image:image></url>`)}</urlset>`,
  "/fine.html": IMG(6),
};

test("documents made to hurt do not keep a crawl's event loop from its work", async (t) => {
  const folder = temporaryFolder("lag");
  const [data, lag, limits] = [join(folder, "data"), join(folder, "lag.json"), join(folder, "limits.tsv")];
  const files = new Map<string, { type: string; bytes: Buffer }>();
  const server = await serveFiles(files);
  t.after(() => server.close());
  const host = `127.0.0.1:${server.port}`;
  for (const [path, text] of Object.entries(PAGES))
    files.set(path, {
      type: path.endsWith("xml") ? "application/xml" : "text/html",
      bytes: Buffer.from(text.replaceAll("HOST", host)),
    });
  writeFileSync(limits, "127.0.0.0/8 0 10000 8\n");
  useShortList(data, ["boat"]);
  const seeds = Object.keys(PAGES).map((path) => `http://${host}${path}`);
  const ended = await run(
    [
      ...[
        "discover",
        "--data",
        data,
        "--quiet",
        "--depth",
        "1",
        "--max-pages",
        String(seeds.length),
        "--seeds",
        ...seeds,
      ],
      ...["--allow-private", "127.0.0.0/8", "--host-limits", limits],
    ],
    { env: { ...process.env, WIT_LAG: lag, NODE_OPTIONS: `--import ${pathToFileURL("test/e2e/lag.ts")}` } },
  );
  assert.equal(ended.code, 0, ended.error);
  const db = openForReading(data);
  const pages = db
    .prepare<[], { url: string; end: string }>(
      "SELECT url, coalesce(reason, state) AS end FROM page WHERE url NOT LIKE '%/deep/%'",
    )
    .all();
  const pairs = db.prepare<[], { n: number }>("SELECT count(*) AS n FROM pair").get()?.n ?? 0;
  db.close();
  t.diagnostic(pages.map(({ url, end }) => `${url.split("/").at(-1)} ${end}`).join(", "));
  const { clock, cpu } = JSON.parse(readFileSync(lag, "utf8"));
  t.diagnostic(
    `${pairs} pairs; kept from its work for ${clock.toFixed(0)} ms by the clock, ${cpu.toFixed(0)} ms of processor time`,
  );
  assert.equal(pages.length, seeds.length);
  assert.ok(pairs > 1_000, String(pairs));
  const before = process.threadCpuUsage();
  assert.ok(extractSitemap(files.get("/sitemap.xml")?.bytes ?? Buffer.alloc(0)));
  const { user, system } = process.threadCpuUsage(before);
  const reading = (user + system) / 1000;
  t.diagnostic(`reading the sitemap takes ${reading.toFixed(0)} ms`);
  assert.ok(cpu < reading / 2, `${cpu} ms`);
});
