import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, test } from "node:test";
import { Stopped } from "../../crawler/fetch-error.ts";
import { Net } from "../../crawler/net.ts";
import { closeDatabase, openDatabase } from "../../store/database.ts";
import { temporaryFolder } from "../folder.ts";
import { listen } from "./faults/harness.ts";

const WANTED = { maxBytes: 1_000, accept: "*/*" };
/** What arrived, and when. */
const arrived = new Map<string, number>();
const port = await listen(
  createServer((request, response) => {
    const { host = "", "user-agent": agent } = request.headers;
    if (/\.(txt|json)$/.test(request.url ?? "")) return response.writeHead(404).end();
    arrived.set(`${host.split(".")[0]}${request.url}`, performance.now());
    if (request.url === "/to-b") return response.writeHead(302, { location: `http://b.example:${port}/picture` }).end();
    if (request.url === "/silent") return undefined;
    if (request.url === "/busy") return response.writeHead(503).end();
    return response.end(String(agent));
  }),
);
const db = openDatabase(temporaryFolder("net"));
const options = {
  userAgent: "webimagetext-test (test@example.org)",
  allowPrivate: ["127.0.0.0/8"],
  resolve: ["a", "b", "c"].map((name) => `${name}.example:${port}:127.0.0.1`),
  hostLimits: undefined,
};
after(() => closeDatabase(db));

test("a redirect waits in the queue of the host it leads to, and each hop is noted for its own host", async () => {
  const net = new Net(db, options);
  const b = new URL(`http://b.example:${port}/`);
  await net.page(b, WANTED);
  // The page queue of b is closed for a second after its page; a has done nothing yet.
  const { url, body } = await net.page(new URL(`http://a.example:${port}/to-b`), WANTED);
  assert.equal(url, `http://b.example:${port}/picture`);
  assert.equal(body.toString(), options.userAgent);
  assert.ok((arrived.get("b/picture") ?? 0) - (arrived.get("b/") ?? 0) >= 1_000);
  await assert.rejects(net.page(new URL(`http://c.example:${port}/busy`), WANTED), {
    reason: "http_5xx",
    kind: "host in trouble",
  });
  net.hosts.save(db);
  const rows = db.prepare("SELECT host, requests, ok, failed, last_status FROM host ORDER BY host").all();
  assert.deepEqual(rows, [
    { host: `a.example:${port}`, requests: 1, ok: 1, failed: 0, last_status: 302 },
    { host: `b.example:${port}`, requests: 2, ok: 2, failed: 0, last_status: 200 },
    { host: `c.example:${port}`, requests: 1, ok: 0, failed: 1, last_status: 503 },
  ]);
  await net.close();
});

test("the end of a run cuts what is in flight after some seconds, and what waits at once", async () => {
  const stop = new AbortController();
  const net = new Net(db, options, stop.signal);
  const silent = net.image(new URL(`http://c.example:${port}/silent`), WANTED);
  while (!arrived.has("c/silent")) await new Promise((resolve) => setTimeout(resolve, 10));
  stop.abort();
  await assert.rejects(net.image(new URL(`http://c.example:${port}/x`), WANTED), Stopped);
  await assert.rejects(silent, Stopped);
  await net.close();
});
