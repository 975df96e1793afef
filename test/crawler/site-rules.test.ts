import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import { test } from "node:test";
import { ExtractPool } from "../../crawler/extract-pool.ts";
import { FetchError } from "../../crawler/fetch-error.ts";
import { BodyMemory, Holding } from "../../crawler/memory.ts";
import type { Net, NetOptions } from "../../crawler/net.ts";
import { SiteRules } from "../../crawler/site-rules.ts";
import { candidatesOf, fetchDocument } from "../../crawler/sources/page.ts";
import { IMPATIENT, listen, openNet } from "./faults/harness.ts";

// Fault 21 and the access rules of RFC 9309, 2.3.1; ai.txt, tdmrep.json and usage preferences; the cache of a day.

const ROBOTS = "User-agent: *\nDisallow: /private\n";

/** A net, and a server on loopback that answers every host the same way. */
async function serve(answer: RequestListener, options: Partial<NetOptions> = {}) {
  const asked: string[] = [];
  const port = await listen(
    createServer((request, response) => {
      asked.push(request.url ?? "");
      answer(request, response);
    }),
  );
  const hosts = ["a", "b", "c", "d", "e", "f", "g", "h"].map((host) => `${host}.example:${port}:127.0.0.1`);
  return {
    ...openNet({ resolve: hosts, ...options }),
    port,
    asked,
    url: (path: string, host = "a") => new URL(`http://${host}.example:${port}${path}`),
  };
}

/** Whether a page may be fetched, or why not. */
async function allowed(net: Net, url: URL): Promise<string> {
  try {
    await net.robots.check(url);
    return "allowed";
  } catch (error) {
    assert.ok(error instanceof FetchError);
    assert.equal(error.again, false);
    return `${error.reason}: ${error.kind}`;
  }
}

/** [what the server does with /robots.txt, outcome for /page, outcome for /private] */
const ACCESS: readonly [string, RequestListener, string, string][] = [
  ["200", (_, res) => res.end(ROBOTS), "allowed", "robots: refused by policy"],
  ["204", (_, res) => res.writeHead(204).end(), "allowed", "allowed"],
  ["401", (_, res) => res.writeHead(401).end(), "allowed", "allowed"],
  ["403", (_, res) => res.writeHead(403).end(), "allowed", "allowed"],
  ["404", (_, res) => res.writeHead(404).end(), "allowed", "allowed"],
  ["410", (_, res) => res.writeHead(410).end(), "allowed", "allowed"],
  ["429", (_, res) => res.writeHead(429, { "retry-after": "0" }).end(), "robots: refused by policy", "robots: refused by policy"],
  ["500", (_, res) => res.writeHead(500, { "retry-after": "0" }).end(), "robots: refused by policy", "robots: refused by policy"],
  ["503", (_, res) => res.writeHead(503, { "retry-after": "0" }).end(), "robots: refused by policy", "robots: refused by policy"],
  ["no answer", () => {}, "timeout: host in trouble", "timeout: host in trouble"],
  ["reset", (req) => req.socket.destroy(), "reset: retry later", "reset: retry later"],
  ["5 redirects", redirects(5), "allowed", "robots: refused by policy"],
  ["6 redirects", redirects(6), "allowed", "allowed"],
  ["redirect to a private address", (_, res) => res.writeHead(302, { location: "http://10.0.0.1/" }).end(), "private_address: refused by policy", "private_address: refused by policy"],
  ["a byte order mark", (_, res) => res.end(`\ufeff${ROBOTS}`), "allowed", "robots: refused by policy"],
  ["carriage returns only", (_, res) => res.end(ROBOTS.replaceAll("\n", "\r")), "allowed", "robots: refused by policy"],
  ["a page instead", (_, res) => res.end("<!doctype html><html><body><p>User-agent: *<p>Disallow: /</html>"), "allowed", "allowed"],
  ["600 KiB, the rule in the first 500", (_, res) => res.end(`${ROBOTS}#${"x".repeat(600 * 1024)}`), "allowed", "robots: refused by policy"],
  ["600 KiB, cut in a rule", (_, res) => res.end(`${ROBOTS}${"#\n".repeat(262_127)}Disallow: /page-that-is-cut${"x".repeat(99_999)}`), "allowed", "robots: refused by policy"],
  ["gzip", (_, res) => res.writeHead(200, { "content-encoding": "gzip" }).end(Buffer.from("1f8b0800000000000003", "hex")), "protocol: gone", "protocol: gone"],
]; // biome-ignore format: a table

function redirects(most: number): RequestListener {
  return (req, res) => {
    const hop = Number(/(\d+)$/.exec(req.url ?? "")?.[1] ?? 0);
    if (hop < most) res.writeHead(302, { location: `/hop${hop + 1}` }).end();
    else res.end(ROBOTS);
  };
}

test("21. what becomes of a site whose robots.txt is answered in all the ways there are", async () => {
  const all = ACCESS.map(async ([name, answer, page, secret]) => {
    const { net, url } = await serve(answer, name === "no answer" ? IMPATIENT : {});
    return [
      [name, await allowed(net, url("/page")), await allowed(net, url("/private"))],
      [name, page, secret],
    ];
  });
  for (const [ended, expected] of await Promise.all(all)) assert.deepEqual(ended, expected);
});

test("robots.txt is asked for once, kept for a day and across runs, asked again after it", async () => {
  const { net, db, asked, url } = await serve((_, res) => res.end(ROBOTS));
  await Promise.all([1, 2, 3].map((i) => allowed(net, url(`/${i}`))));
  assert.deepEqual(asked, ["/robots.txt"]);
  const nextRun = () => new SiteRules(db, net.http, net.agent);
  await assert.rejects(nextRun().check(url("/private")), { reason: "robots" });
  assert.equal(asked.length, 1);
  db.prepare("UPDATE site_file SET fetched_ms = fetched_ms - 25 * 3600000").run();
  await nextRun().check(url("/page"));
  assert.equal(asked.length, 2);
  // A copy from the future has no known age (the clock was put back).
  db.prepare("UPDATE site_file SET fetched_ms = fetched_ms + 7200000").run();
  await nextRun().check(url("/page"));
  assert.equal(asked.length, 3);
});

test("a copy that is too old is better than none while the site cannot be reached", async () => {
  let down = false;
  const { net, db, url } = await serve((_, res) =>
    down ? res.writeHead(500, { "retry-after": "0" }).end() : res.end(ROBOTS),
  );
  await allowed(net, url("/"));
  down = true;
  db.prepare("UPDATE site_file SET fetched_ms = fetched_ms - 48 * 3600000").run();
  const rules = new SiteRules(db, net.http, net.agent);
  await rules.check(url("/page"));
  await assert.rejects(rules.check(url("/private")), { reason: "robots" });
});

/** [file of the site, its content, path, signals] */
const OPT_OUTS: readonly [string, string, string, string[]][] = [
  ["/robots.txt", "User-agent: *\nContent-Signal: search=yes, ai-train=no\n", "/x.jpg", ["robots.txt Content-Signal: search=yes, ai-train=no"]],
  ["/robots.txt", "User-agent: *\nContent-Usage: train-ai=n\nContent-Usage: /free train-ai=y\n", "/free/x.jpg", []],
  ["/robots.txt", "User-agent: *\nContent-Usage: /art/ train-ai=n\n", "/art/x.jpg", ["robots.txt Content-Usage: /art/ train-ai=n"]],
  ["/robots.txt", "User-agent: *\nContent-Usage: bots=n\n", "/x.jpg", ["robots.txt Content-Usage: bots=n"]],
  ["/robots.txt", "User-agent: other\nContent-Signal: ai-train=no\nUser-agent: *\nAllow: /", "/x.jpg", []],
  ["/ai.txt", "User-Agent: *\nDisallow: *.jpg\nAllow: *.png\n", "/a/x.jpg", ["ai.txt: disallow"]],
  ["/ai.txt", "User-Agent: *\nDisallow: *.jpg\nAllow: *.png\n", "/a/x.png", []],
  ["/ai.txt", "<html>User-Agent: *\nDisallow: /\n", "/a/x.png", []],
  ["/.well-known/tdmrep.json", '[{"location": "/", "tdm-reservation": 1, "tdm-policy": "http://p/1"}]', "/x.jpg", ["tdmrep.json: 1 http://p/1"]],
  ["/.well-known/tdmrep.json", '[{"location": "/", "tdm-reservation": 1}, {"location": "/open/*.jpg", "tdm-reservation": 0}]', "/open/x.jpg", []],
  ["/.well-known/tdmrep.json", '[{"location": "/closed", "tdm-reservation": "1"}, 7, null]', "/closed/x.jpg", ["tdmrep.json: 1"]],
  ["/.well-known/tdmrep.json", "<html>not found", "/x.jpg", []],
  ["/.well-known/tdmrep.json", '{"location": "/"}', "/x.jpg", []],
]; // biome-ignore format: a table

test("files that reserve a site's pictures: obeyed before anything is asked for, or recorded", async () => {
  for (const [file, content, path, signals] of OPT_OUTS) {
    const answer: RequestListener = (req, res) =>
      req.url === file
        ? res.end(content)
        : /\.(txt|json)$/.test(req.url ?? "")
          ? res.writeHead(404).end()
          : res.end("picture");
    const name = `${file} ${content} ${path}`;
    const recording = await serve(answer, { optOut: "record" });
    const wanted = { maxBytes: 100, accept: "*/*" };
    assert.deepEqual((await recording.net.image(recording.url(path), wanted)).optOut, signals, name);
    const { net, url, asked } = await serve(answer);
    const outcome = await net.image(url(path), wanted).then(
      ({ optOut }) => optOut,
      (error: FetchError) => (error.reason === "opt_out" ? error.signals : error.reason),
    );
    assert.deepEqual(outcome, signals, name);
    assert.equal(asked.includes(path), signals.length === 0 || file.includes("tdmrep"), name);
    assert.deepEqual((await net.page(url(path), wanted)).optOut, signals, name);
  }
});

test("the TDM-Reservation header overrides tdmrep.json; page signals are listed with the page", async () => {
  const { net, url } = await serve((req, res) => {
    if (req.url === "/.well-known/tdmrep.json") return res.end('[{"location": "/", "tdm-reservation": 1}]');
    if (/\.txt$/.test(req.url ?? "")) return res.writeHead(404).end();
    return res.setHeader("tdm-reservation", "0").setHeader("x-robots-tag", ["otherbot: noai", "NOAI"]).end("x");
  });
  const { optOut } = await net.page(url("/"), { maxBytes: 10, accept: "*/*" });
  assert.deepEqual(optOut, ["x-robots-tag: noai"]);
});

test("TDMRep: the page's own word over its header, the header over tdmrep.json, for that page's pairs", async (t) => {
  const said: Record<string, [header: string | undefined, meta: string | undefined, signals: string[]]> = {
    "/file": [undefined, undefined, ["tdmrep.json: 1"]],
    "/header-0": ["0", undefined, []],
    "/header-1": ["1", undefined, ["tdm-reservation: 1"]],
    "/meta-0": [undefined, "0", []],
    "/meta-1": [undefined, "1", ["tdmrep.json: 1", "meta tdm-reservation: 1"]],
    "/header-1-meta-0": ["1", "0", []],
    "/header-0-meta-1": ["0", "1", ["meta tdm-reservation: 1"]],
    "/nonsense": [undefined, "no", ["tdmrep.json: 1"]],
  };
  const { net, url } = await serve((req, res) => {
    if (req.url === "/.well-known/tdmrep.json") return res.end('[{"location": "/", "tdm-reservation": 1}]');
    const [header, meta] = said[req.url ?? ""] ?? [];
    if (header === undefined && meta === undefined && req.url !== "/file") return res.writeHead(404).end();
    if (header !== undefined) res.setHeader("tdm-reservation", header);
    const own = meta === undefined ? "" : `<meta name="TDM-Reservation" content="${meta}">`;
    return res.setHeader("content-type", "text/html").end(`${own}<img src="/x.jpg" alt="A red boat">`);
  });
  const pool = new ExtractPool();
  t.after(() => pool.close());
  for (const [i, [path, [, , signals]]] of Object.entries(said).entries()) {
    // A host for each: pages of one host would be a second apart.
    const pairs = candidatesOf(
      await fetchDocument(net, pool, new Holding(new BodyMemory()), url(path, "abcdefgh"[i]).href),
    );
    assert.deepEqual([path, pairs.map(({ optOut = [] }) => optOut)], [path, [signals]]);
  }
});

test("signals are kept once, few and short: each pair of a page carries them", async () => {
  const distinct = Array.from({ length: 300 }, (_, i) => `train-ai=n, x${i}`);
  const { net, url } = await serve((req, res) => {
    if (req.url === "/robots.txt")
      return res.end(`User-agent: *\nContent-Usage: ${"x".repeat(10_000)}=y, train-ai=n\n`);
    if (req.url === "/ai.txt") return res.writeHead(404).end();
    if (req.url?.endsWith(".json"))
      return res.end(JSON.stringify([{ location: "/", "tdm-reservation": 1, "tdm-policy": "p".repeat(10_000) }]));
    return res.setHeader("x-robots-tag", "noai, ".repeat(500)).setHeader("content-usage", distinct).end("a page");
  });
  const { optOut } = await net.page(url("/"), { maxBytes: 100, accept: "*/*" });
  assert.deepEqual(
    optOut.slice(0, 3).map((signal) => signal.slice(0, 18)),
    ["robots.txt Content", "tdmrep.json: 1 ppp", "x-robots-tag: noai"],
  );
  assert.equal(new Set(optOut).size, optOut.length);
  assert.ok(JSON.stringify(optOut).length < 2_000, `${JSON.stringify(optOut).length} characters`);
});
