import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { hostOf } from "../../../crawler/hosts.ts";
import { crawlPages, type WebOptions } from "../../../crawler/sources/web.ts";
import type { Candidate } from "../../../store/types.ts";
import { temporaryFolder } from "../../folder.ts";
import { listen, openNet } from "./harness.ts";

// Faults 19, 22 and 29 of the reliability table: sites that lead a crawler around, and pages that are none.

const limits = join(temporaryFolder("pages"), "limits.tsv");
writeFileSync(limits, "127.0.0.0/8 0 10000 8\n");

interface Answer {
  type?: string;
  status?: number;
  headers?: Record<string, string>;
  body: string | Buffer;
}

/**
 * Crawls a site whose pages `answer` makes; returns what was asked for, what became of each page, and the pairs.
 * @param cuts the run ends after so many batches and another one goes on, for each of them.
 */
async function crawlSite(
  answer: (path: string, times: number, origin: string) => Answer,
  options: Partial<WebOptions> = {},
  cuts: readonly number[] = [],
) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? "/";
    if (/robots\.txt|ai\.txt|tdmrep/.test(path)) return response.writeHead(404).end();
    asked.push(path);
    const times = asked.filter((one) => one === path).length;
    const { type = "text/html", status = 200, headers = {}, body } = answer(path, times, `http://site.example:${port}`);
    return response.writeHead(status, { ...(type ? { "content-type": type } : {}), ...headers }).end(body);
  });
  const port = await listen(server);
  const { net, db } = openNet({ resolve: [`site.example:${port}:127.0.0.1`], hostLimits: limits });
  const candidates: Candidate[] = [];
  const seeds = [`http://site.example:${port}/`];
  const stop = new AbortController();
  for (const cut of [...cuts, Number.POSITIVE_INFINITY]) {
    let batches = 0;
    const wanted = { seeds, depth: 20, maxPages: 1_000, ...options };
    for await (const batch of crawlPages(db, net, wanted, stop.signal, async () => {})) {
      if (batches++ >= cut) break; // What it holds is not written.
      candidates.push(...batch.candidates);
      batch.done();
    }
  }
  const rows = db
    .prepare<[], { url: string; state: string; reason: string | null }>(
      "SELECT url, state, reason FROM page ORDER BY rowid",
    )
    .all();
  const pages = Object.fromEntries(
    rows.map(({ url, state, reason }) => [new URL(url).pathname + new URL(url).search, reason ?? state]),
  );
  assert.ok(rows.every(({ url }) => hostOf(new URL(url)) === `site.example:${port}`));
  return { asked, pages, candidates };
}

test("22. a calendar without end ends with the site's share of pages", async () => {
  const { asked } = await crawlSite(
    (path) => {
      const day = Number(path.slice(5) || 0);
      return {
        body: `<a href="/day/${day + 1}">next</a><a href="/day/${day - 1}">before</a><a href="/day/${day + 365}">year</a>`,
      };
    },
    { maxPagesPerSite: 40 },
  );
  assert.equal(asked.length, 40);
});

test("22. paths that grow, and visits in addresses", async () => {
  let visit = 0;
  const { asked } = await crawlSite((path) => ({
    body: `<a href="${path.split("?")[0]}a/">deeper</a><a href="/b?PHPSESSID=${++visit}">b</a><a href="/c;jsessionid=${visit}?x=1&amp;utm_source=y">c</a>`,
  }));
  assert.deepEqual(asked.toSorted(), [
    "/",
    "/a/",
    "/a/a/",
    "/b",
    "/ba/",
    "/ba/a/",
    "/ba/a/a/",
    "/c?x=1",
    "/ca/",
    "/ca/a/",
    "/ca/a/a/",
  ]);
});

test("29. refreshes and frames are not followed; a redirect in a circle ends", async () => {
  const { asked, pages } = await crawlSite((path) =>
    path === "/"
      ? {
          body: '<meta http-equiv="refresh" content="0; url=/x"><iframe src="/"></iframe><frame src="/y"><a href="/circle">c</a>',
        }
      : { status: 302, headers: { location: "/circle" }, body: "" },
  );
  assert.deepEqual(pages, { "/": "done", "/circle": "redirect_loop" });
  assert.equal(asked.length, 7);
});

test("19. pages that are pictures and pictures that are pages", async () => {
  const jpeg = Buffer.from("ffd8ffe000104a46494600010100000100010000ffdb", "hex");
  const { pages, candidates } = await crawlSite((path) => {
    if (path === "/")
      return {
        body: '<a href="/picture">p</a><a href="/lie">l</a><a href="/plain">t</a><a href="/feed">f</a><a href="/typeless">n</a>',
      };
    if (path === "/picture") return { type: "image/jpeg", body: jpeg };
    if (path === "/lie") return { body: jpeg };
    if (path === "/plain") return { type: "text/plain", body: "<img src=a.png alt='no page'>" };
    if (path === "/feed") return { type: "application/rss+xml", body: "<rss></rss>" };
    return { type: "", body: '<img src="a.png" alt="A red apple">' };
  });
  assert.deepEqual(pages, {
    "/": "done",
    "/picture": "not_a_page",
    "/lie": "done",
    "/plain": "done",
    "/feed": "done",
    "/typeless": "done",
  });
  assert.deepEqual(
    candidates.map(({ caption }) => caption),
    ["A red apple"],
  );
});

test("a page that fails is tried again after a pause, twice, then dropped; a page that is gone is not", async () => {
  const { asked, pages } = await crawlSite((path, times) => {
    if (path === "/") return { body: '<a href="/late">l</a><a href="/never">n</a><a href="/gone">g</a>' };
    if (path === "/gone") return { status: 410, body: "" };
    return path === "/late" && times === 3 ? { body: "here" } : { status: 500, body: "" };
  });
  assert.deepEqual(pages, { "/": "done", "/late": "done", "/never": "http_5xx", "/gone": "http_410" });
  assert.equal(asked.filter((path) => path === "/never").length, 3);
  assert.equal(asked.filter((path) => path === "/gone").length, 1);
  // While one waits, the others go on.
  assert.ok(asked.indexOf("/gone") < asked.lastIndexOf("/late"));
});

test("a page is fetched once under all its names", async () => {
  const { asked, pages } = await crawlSite((path) => {
    if (path === "/")
      return { body: '<a href="/a?from=home">a</a><a href="/old">o</a><a href="/new">n</a><a href="/a">a</a>' };
    if (path === "/old") return { status: 301, headers: { location: "/new" }, body: "" };
    if (path.startsWith("/a")) return { body: '<link rel="canonical" href="/a"><img src="a.png" alt="A red apple">' };
    return { body: '<link rel="canonical" href="/">' };
  });
  assert.deepEqual(asked, ["/", "/a?from=home", "/old", "/new"]);
  assert.deepEqual(new Set(Object.values(pages)), new Set(["done"]));
});

test("a sitemap, zipped too, adds pages and pictures", async () => {
  const { pages, candidates } = await crawlSite((path, _, origin) => {
    if (path === "/") return { body: '<a href="/sitemap">map</a>' };
    if (path === "/sitemap")
      return {
        type: "application/xml",
        body: `<sitemapindex><sitemap><loc>${origin}/zipped-sitemap</loc></sitemap></sitemapindex>`,
      };
    if (path === "/page") return { body: "a page" };
    const image =
      "<image:loc>/p.png</image:loc><image:title>A white horse</image:title><image:license>http://licence.example/by</image:license>";
    const map = `<urlset xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"><url><loc>${origin}/page</loc><image:image>${image}</image:image></url></urlset>`;
    return { type: "application/gzip", body: gzipSync(map) };
  });
  assert.deepEqual(pages, { "/": "done", "/sitemap": "done", "/zipped-sitemap": "done", "/page": "done" });
  assert.deepEqual(
    candidates.map(({ imageUrl, pageUrl, caption, kind, licence }) => [
      new URL(imageUrl).pathname,
      new URL(pageUrl ?? "").pathname,
      caption,
      kind,
      licence,
    ]),
    [["/p.png", "/page", "A white horse", "sitemap", "http://licence.example/by"]],
  );
});

test("a sitemap that is written in parts: a run that is cut within it goes on there, nothing twice", async () => {
  const images = Array.from(
    { length: 4_500 },
    (_, i) =>
      `<url><loc>http://other.example/${i}</loc><image:image><image:loc>http://site.example/${i}.png</image:loc><image:caption>A boat ${i}</image:caption></image:image></url>`,
  );
  const { asked, candidates, pages } = await crawlSite(
    (path) =>
      path === "/"
        ? { body: '<a href="/map">all</a>' }
        : { type: "application/xml", body: `<urlset>${images.join("")}</urlset>` },
    {},
    [3, 2, 0],
  );
  assert.ok(asked.filter((path) => path === "/map").length > 2, asked.join(" "));
  assert.equal(candidates.length, 4_500);
  assert.equal(new Set(candidates.map(({ imageUrl }) => imageUrl)).size, 4_500);
  assert.equal(pages["/map"], "done");
});
