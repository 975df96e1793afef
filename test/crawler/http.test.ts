import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Worker } from "node:worker_threads";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { release } from "../../crawler/buffers.ts";
import { FetchError } from "../../crawler/fetch-error.ts";
import { HttpClient } from "../../crawler/http.ts";
import { closedPort } from "../servers/free-port.ts";

/** More than a body begins with, and compressed more than a socket reads at once. */
const LONG = randomBytes(120_000).toString("hex");

/** What each path of the hostile server does. */
const PATHS: Record<string, RequestListener> = {
  "/gzip": (_, res) => void res.setHeader("content-encoding", "gzip").end(gzipSync("hello ".repeat(1000))),
  "/gzip-and-leave": (req, res) => {
    res.setHeader("content-encoding", "gzip").end(gzipSync(LONG));
    res.on("finish", () => req.socket.end());
  },
  "/br": (_, res) => void res.setHeader("content-encoding", "br").end(brotliCompressSync("hello ".repeat(1000))),
  "/bomb": (_, res) => void res.setHeader("content-encoding", "gzip").end(gzipSync(Buffer.alloc(50_000_000))),
  "/stacked": (_, res) => void res.setHeader("content-encoding", "gzip, gzip, gzip").end(gzipSync("x")),
  "/cut-gzip": (_, res) =>
    void res.setHeader("content-encoding", "gzip").end(gzipSync("hello ".repeat(1000)).subarray(0, 30)),
  "/one-hop": (_, res) => void res.writeHead(302, { location: "/gzip" }).end(),
  "/loop": (_, res) => void res.writeHead(302, { location: "/loop" }).end(),
  "/to-file": (_, res) => void res.writeHead(302, { location: "file:///etc/passwd" }).end(),
  "/to-private": (_, res) => void res.writeHead(302, { location: "http://169.254.169.254/" }).end(),
  "/reset": (req) => void req.socket.destroy(),
  "/short": (req, res) => {
    res.writeHead(200, { "content-length": "100" }).write("abc");
    setTimeout(() => req.socket.destroy(), 30);
  },
  "/endless": (_, res) => {
    const timer = setInterval(() => res.write(Buffer.alloc(1_000_000)), 1);
    res.on("close", () => clearInterval(timer));
  },
  "/announced": (_, res) => void res.writeHead(200, { "content-length": String(10 ** 12) }).write("x"),
  "/drip": (_, res) => {
    res.writeHead(200);
    const timer = setInterval(() => res.write("x"), 200);
    res.on("close", () => clearInterval(timer));
  },
  "/silent": () => {},
  "/late": (_, res) => void setTimeout(() => res.end("late"), 100),
  "/empty": (_, res) => void res.end(),
  "/404": (_, res) => void res.writeHead(404).end("no"),
  "/410": (_, res) => void res.writeHead(410).end("no"),
  "/401": (_, res) => void res.writeHead(401).end("no"),
  "/429": (_, res) => void res.writeHead(429, { "retry-after": "7" }).end("no"),
  "/503-date": (_, res) =>
    void res.writeHead(503, { "retry-after": new Date(Date.now() + 60_000).toUTCString() }).end("no"),
  "/503-years": (_, res) => void res.writeHead(503, { "retry-after": "999999999" }).end("no"),
  "/503-nonsense": (_, res) => void res.writeHead(503, { "retry-after": "soon" }).end("no"),
  "/big-header": (_, res) => void res.writeHead(200, { "x-big": "x".repeat(20_000) }).end("no"),
};

let server: Server;
let port: number;
let client: HttpClient;
/** For what only ends with the deadline; the others must not, however busy the machine is. */
let impatient: HttpClient;
before(async () => {
  server = createServer((req, res) => (PATHS[req.url ?? ""] ?? ((_, answer) => answer.end("?")))(req, res));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
  const options = { userAgent: "test", allowPrivate: ["127.0.0.0/8"], resolve: [`site.example:${port}:127.0.0.1`] };
  client = new HttpClient(options);
  impatient = new HttpClient({ ...options, deadlineMs: 4_500 });
});
after(async () => {
  await Promise.all([client.close(), impatient.close()]);
  server.closeAllConnections();
  server.close();
});

const get = (path: string, maxBytes = 5_000_000) =>
  (/drip|silent/.test(path) ? impatient : client).get(`http://site.example:${port}${path}`, {
    maxBytes,
    accept: "*/*",
  });

async function failure(path: string): Promise<FetchError> {
  const error = await get(path).then(
    () => assert.fail(`${path} gave an answer`),
    (thrown) => thrown,
  );
  assert.ok(error instanceof FetchError, String(error));
  return error;
}

test("bodies are decoded, redirects followed, the final address reported", async () => {
  for (const path of ["/gzip", "/br", "/one-hop"]) {
    const { body, url } = await get(path);
    assert.equal(body.toString(), "hello ".repeat(1000), path);
    assert.equal(url, `http://site.example:${port}${path === "/one-hop" ? "/gzip" : path}`);
  }
});

test("a bomb that waits for memory inflates no further till there is some", async () => {
  let granted = false;
  const wait = sleep(500).then(() => {
    granted = true;
  });
  const room = () => (granted ? undefined : wait);
  const limits = { maxBytes: 5_000_000, accept: "*/*", room };
  await assert.rejects(client.get(`http://site.example:${port}/bomb`, limits), { reason: "too_large" });
  assert.ok(granted);
});

test("a body that is here in full is taken, although its server leaves while it waits for memory", async () => {
  const limits = { maxBytes: 5_000_000, accept: "*/*", room: () => sleep(300) };
  const { body } = await client.get(`http://site.example:${port}/gzip-and-leave`, limits);
  assert.equal(body.toString(), LONG);
});

for (const [path, reason, kind] of [
  ["/bomb", "too_large", "gone"],
  ["/stacked", "protocol", "gone"],
  ["/cut-gzip", "protocol", "gone"],
  ["/loop", "redirect_loop", "gone"],
  ["/to-file", "bad_redirect", "gone"],
  ["/to-private", "private_address", "refused by policy"],
  ["/reset", "reset", "retry later"],
  ["/short", "reset", "retry later"],
  ["/endless", "too_large", "gone"],
  ["/announced", "too_large", "gone"],
  ["/empty", "empty", "gone"],
  ["/404", "http_404", "gone"],
  ["/410", "http_410", "gone"],
  ["/401", "http_4xx", "gone"],
  ["/429", "http_429", "host in trouble"],
  ["/503-nonsense", "http_5xx", "host in trouble"],
  ["/big-header", "protocol", "gone"],
] as const) {
  test(`${path} ends as ${reason}: ${kind}`, async () => {
    const error = await failure(path);
    assert.equal(error.reason, reason, error.message);
    assert.equal(error.kind, kind);
  });
}

test("Retry-After: seconds, a date, nonsense ignored", async () => {
  assert.equal((await failure("/429")).retryAfterMs, 7_000);
  const date = (await failure("/503-date")).retryAfterMs ?? 0;
  assert.ok(date > 50_000 && date <= 60_000, String(date));
  assert.equal((await failure("/503-years")).retryAfterMs, 999_999_999_000);
  assert.equal((await failure("/503-nonsense")).retryAfterMs, undefined);
});

describe("what only ends with time", { concurrency: true }, () => {
  for (const path of ["/drip", "/silent"])
    test(`${path} ends with the deadline`, async () => {
      const { reason, kind } = await failure(path);
      assert.deepEqual([reason, kind], ["timeout", "host in trouble"]);
    });

  test("a slow body is given up after the grace time, long before a long deadline", async () => {
    const patient = new HttpClient({
      userAgent: "test",
      allowPrivate: ["127.0.0.1"],
      resolve: [],
      deadlineMs: 600_000,
    });
    const started = performance.now();
    await assert.rejects(patient.get(`http://127.0.0.1:${port}/drip`, { maxBytes: 1_000, accept: "*/*" }), {
      reason: "timeout",
      kind: "host in trouble",
    });
    assert.ok(performance.now() - started < 500_000);
    await patient.close();
  });
});

test("time in which this process does not get its turn is not the host's", async () => {
  const brief = new HttpClient({ userAgent: "test", allowPrivate: ["127.0.0.1"], resolve: [], deadlineMs: 2_000 });
  const late = () => brief.get(`http://127.0.0.1:${port}/late`, { maxBytes: 1_000, accept: "*/*" });
  await late(); // The next one finds the connection open.
  const answer = late();
  await new Promise((resolve) => setTimeout(resolve, 10));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_200);
  assert.equal((await answer).body.toString(), "late");
  await brief.close();
});

test("no private address is dialled in any spelling, by name, by --resolve or by redirect", async () => {
  let connections = 0;
  server.on("connection", () => connections++);
  const strict = new HttpClient({ userAgent: "test", allowPrivate: [], resolve: [`site.example:${port}:127.0.0.1`] });
  const hosts = [
    "site.example",
    "localhost",
    "127.0.0.1",
    "2130706433",
    "0x7f.1",
    "0177.0.0.1",
    "127.1",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
  ];
  for (const host of hosts) {
    await assert.rejects(
      strict.get(`http://${host}:${port}/gzip`, { maxBytes: 1_000, accept: "*/*" }),
      { reason: "private_address" },
      host,
    );
  }
  assert.equal(connections, 0);
  await strict.close();
});

test("names that do not resolve, ports that do not answer", async () => {
  const error = await client
    .get("http://no-such-host.invalid/", { maxBytes: 1, accept: "*/*" })
    .catch((thrown) => thrown);
  assert.equal(error.reason, "dns");
  await assert.rejects(client.get(`http://127.0.0.1:${await closedPort()}/`, { maxBytes: 1, accept: "*/*" }), {
    reason: "connect",
    kind: "host in trouble",
  });
});

test("options that cannot be understood are named", () => {
  assert.throws(
    () => new HttpClient({ userAgent: "x", allowPrivate: ["10.0.0.0/99"], resolve: [] }),
    /--allow-private 10\.0\.0\.0\/99/,
  );
  assert.throws(
    () => new HttpClient({ userAgent: "x", allowPrivate: [], resolve: ["a:b:c"] }),
    /--resolve a:b:c: expected HOST:PORT:ADDRESS/,
  );
});

test("scavenges free what requests leave: nothing in the old generation leads from one to the next", async (t) => {
  // A server of its own heap, which has to do with none of it.
  const worker = new Worker(
    `const { parentPort } = require("node:worker_threads");
    const server = require("node:http").createServer((_, res) => res.end("ok"));
    server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port));`,
    { eval: true },
  );
  t.after(() => worker.terminate());
  const workerPort = await new Promise<number>((resolve) => worker.once("message", resolve));
  setFlagsFromString("--expose-gc");
  const collect: (options: { type: "major" | "minor" }) => void = runInNewContext("gc");
  const oldBytes = () =>
    getHeapSpaceStatistics().find((space) => space.space_name === "old_space")?.space_used_size ?? Number.NaN;
  const rounds = async (count: number) => {
    for (let n = 0; n < count; n++) {
      let left = 100;
      const fetchInTurn = async () => {
        while (left-- > 0)
          release((await client.get(`http://127.0.0.1:${workerPort}/`, { maxBytes: 10, accept: "*/*" })).body);
      };
      await Promise.all(Array.from({ length: 20 }, fetchInTurn));
      collect({ type: "minor" });
    }
  };
  await rounds(4);
  collect({ type: "major" });
  const before = oldBytes();
  await rounds(6);
  const kept = (oldBytes() - before) / 600;
  // The test runner, which follows promises, keeps some; a Set of the requests under way makes it 3,300.
  assert.ok(kept < 2_000, `${kept} bytes of each request became old`);
});

test("an idle connection ends after some seconds, however long the server would keep it", {
  timeout: 60_000,
}, async (t) => {
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const patient = createServer((req, res) => {
    req.socket.on("close", () => resolve());
    res.setHeader("keep-alive", "timeout=600").end("ok");
  });
  patient.keepAliveTimeout = 0;
  await new Promise<void>((done) => patient.listen(0, "127.0.0.1", done));
  t.after(() => patient.close());
  const { port: patientPort } = patient.address() as AddressInfo;
  await client.get(`http://127.0.0.1:${patientPort}/`, { maxBytes: 10, accept: "*/*" });
  await ended;
});
