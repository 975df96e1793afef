import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { HttpClient } from "../../crawler/http.ts";
import { RemoteFile } from "../../crawler/remote-file.ts";

const http = new HttpClient({ userAgent: "test", allowPrivate: ["127.0.0.0/8"], resolve: [] });
after(() => http.close());
const BODY = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) & 255));

type Answer = (request: IncomingMessage, response: ServerResponse, count: number) => void;

async function serve(t: { after: (end: () => void) => void }, answer: Answer): Promise<RemoteFile> {
  let count = 0;
  const server = createServer((request, response) => answer(request, response, ++count));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return new RemoteFile(http, `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`, 1);
}

/** Answers with the range that was asked for. */
function ranged(request: IncomingMessage, response: ServerResponse, etag = '"a"'): Buffer {
  const [, from = "", to = ""] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
  const part = BODY.subarray(Number(from), to === "" ? undefined : Number(to) + 1);
  const headers: Record<string, string> = { etag, "content-length": String(part.length) };
  if (from !== "") headers["content-range"] = `bytes ${from}-${Number(from) + part.length - 1}/${BODY.length}`;
  response.writeHead(from === "" ? 200 : 206, headers);
  return part;
}

async function read(file: RemoteFile, start = 0): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of file.stream(start)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test("size, a range, all of it, and the rest", async (t) => {
  const file = await serve(t, (request, response) => response.end(ranged(request, response)));
  assert.equal(await file.size(), BODY.length);
  assert.deepEqual(await file.read(1_000, 2_500), BODY.subarray(1_000, 2_500));
  assert.deepEqual(await read(file), BODY);
  assert.deepEqual(await read(file, 299_990), BODY.subarray(299_990));
});

test("a connection that breaks again and again, and a busy server: goes on at the byte it was at", async (t) => {
  const asked: (string | undefined)[] = [];
  const file = await serve(t, (request, response, count) => {
    asked.push(request.headers.range);
    if (count % 2 === 0) return void response.writeHead(503, { "retry-after": "0" }).end();
    const part = ranged(request, response);
    if (part.length <= 100_000) return void response.end(part);
    response.write(part.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 20));
  });
  assert.deepEqual(await read(file), BODY);
  assert.equal(asked[0], undefined);
  assert.ok(asked.length > 3);
});

test("a server without ranges: read on by passing over what is known; no size", async (t) => {
  const file = await serve(t, (_, response, count) => {
    response.writeHead(200, { etag: '"a"', "content-length": String(BODY.length) });
    if (count > 1) return void response.end(BODY);
    response.write(BODY.subarray(0, 50_000), () => setTimeout(() => response.destroy(), 20));
  });
  assert.deepEqual(await read(file), BODY);
  await assert.rejects(file.size(), /serves no byte ranges: download the file/);
});

test("a file that changes meanwhile, is missing, or lies at a private address is an error that names it", async (t) => {
  const changing = await serve(t, (request, response, count) => {
    const part = ranged(request, response, `"${count}"`);
    response.write(part.subarray(0, 1_000), () => setTimeout(() => response.destroy(), 20));
  });
  await assert.rejects(read(changing), /file: it changed while it was read/);
  const missing = await serve(t, (_, response) => response.writeHead(404).end());
  await assert.rejects(read(missing), /file: status 404/);
  const strict = new HttpClient({ userAgent: "test", allowPrivate: [], resolve: [] });
  t.after(() => strict.close());
  await assert.rejects(read(new RemoteFile(strict, "http://127.0.0.1:9/x", 1)), /127\.0\.0\.1:9\/x: .*not public/);
});

test("another range than was asked for is an error, not read as if it were the right one", async (t) => {
  const file = await serve(t, (_, response) => {
    const headers = { "content-range": `bytes 0-9/${BODY.length}`, "content-length": "10" };
    response.writeHead(206, headers).end(BODY.subarray(0, 10));
  });
  await assert.rejects(file.read(100, 110), /file: asked for bytes from 100, the server sends those from 0/);
});

test("a redirect is followed", async (t) => {
  const file = await serve(t, (request, response) => {
    if (request.url === "/file") response.writeHead(302, { location: "/other" }).end();
    else response.end(ranged(request, response));
  });
  assert.deepEqual(await read(file), BODY);
});

type Serve = (request: IncomingMessage, response: ServerResponse, count: number) => void;
const ending = (etag: string) => (request: IncomingMessage, response: ServerResponse) =>
  void response.end(ranged(request, response, etag));
/** Answers as the file's end does: with its size, or without. */
const unsatisfiable =
  (size: number | undefined): Serve =>
  (request, response) => {
    if (request.headers.range === "bytes=0-0") return ending('"a"')(request, response);
    response.writeHead(416, size === undefined ? {} : { "content-range": `bytes */${size}` }).end();
  };
/** Answers a range with these headers and no others of its own. */
const withHeaders =
  (headersOf: (count: number) => Record<string, string>): Serve =>
  (_, response, count) => {
    response.writeHead(206, headersOf(count)).end(BODY.subarray(0, 1));
  };
const firstByte = (size = BODY.length) => ({ "content-range": `bytes 0-0/${size}` });

const twice = async (file: RemoteFile) => Buffer.concat([await file.read(0, 1), await file.read(0, 1)]);
const CASES: [
  name: string,
  server: Serve,
  task: (file: RemoteFile) => Promise<unknown>,
  expected: Buffer | number | RegExp,
][] = [
  [
    "all of the file instead of a range",
    (_, response) => void response.writeHead(200).end(BODY),
    (file) => file.read(70_000, 200_000),
    BODY.subarray(70_000, 200_000),
  ],
  [
    "an ETag that changes",
    withHeaders((count) => ({ ...firstByte(), etag: `"${count}"` })),
    twice,
    /file: it changed while/,
  ],
  [
    "Last-Modified that changes",
    withHeaders((count) => ({ ...firstByte(), "last-modified": new Date(count * 1e6).toUTCString() })),
    twice,
    /file: it changed while it was read/,
  ],
  ["a size that changes", withHeaders((count) => firstByte(count)), twice, /file: it changed while it was read/],
  [
    "an ETag that not every answer has",
    withHeaders((count) => (count === 1 ? { ...firstByte(), etag: '"a"' } : firstByte())),
    twice,
    Buffer.concat([BODY.subarray(0, 1), BODY.subarray(0, 1)]),
  ],
  ["416 at the end", unsatisfiable(BODY.length), (file) => read(file, BODY.length), Buffer.alloc(0)],
  ["416 at the end without a size", unsatisfiable(undefined), (file) => read(file, BODY.length), Buffer.alloc(0)],
  [
    "416 beyond the end",
    unsatisfiable(10),
    (file) => read(file, 11),
    /it has 10 bytes, .* from byte 11 on: it is another/,
  ],
  ["416 before the end", unsatisfiable(10), (file) => read(file, 9), /refuses the bytes from 9 on, of 10/],
  [
    "a file that is shorter than what was read of it, without ranges",
    (_, response) => void response.writeHead(200).end(BODY.subarray(0, 10)),
    (file) => read(file, 11),
    /it has 10 bytes, .* from byte 11 on/,
  ],
  ["an empty file", (_, response) => void response.writeHead(200).end(), (file) => read(file), Buffer.alloc(0)],
  [
    "the size of an empty file",
    (_, response) => void response.writeHead(416, { "content-range": "bytes */0" }).end(),
    (file) => file.size(),
    0,
  ],
  [
    "a range that ends behind the file",
    ending('"a"'),
    (file) => file.read(299_990, 300_010),
    /ends at byte 300000, before 300010/,
  ],
  [
    "no more than 70,000 bytes at a time",
    (request, response) => {
      const [, from = 0, to = BODY.length - 1] = (/(\d+)-(\d*)/.exec(request.headers.range ?? "") ?? []).map(Number);
      const end = Math.min((to || BODY.length - 1) + 1, from + 70_000);
      response.writeHead(206, { "content-range": `bytes ${from}-${end - 1}/${BODY.length}` });
      response.end(BODY.subarray(from, end));
    },
    (file) => file.read(5, 299_999),
    BODY.subarray(5, 299_999),
  ],
  [
    "a connection that ends early, in order and without a length",
    (request, response, count) => {
      if (count > 3) return void response.end(ranged(request, response));
      const from = Number(/\d+/.exec(request.headers.range ?? "")?.[0]);
      response.socket?.write(
        `HTTP/1.1 206 Partial Content\r\ncontent-range: bytes ${from}-${BODY.length - 1}/${BODY.length}\r\n\r\n`,
      );
      response.socket?.end(BODY.subarray(from, from + 1_000));
    },
    (file) => read(file, 1),
    BODY.subarray(1),
  ],
];

for (const [name, server, task, expected] of CASES) {
  test(`a server that gives ${name}`, async (t) => {
    const file = await serve(t, server);
    if (expected instanceof RegExp) await assert.rejects(task(file), expected);
    else assert.deepEqual(await task(file), expected);
  });
}

test("no bytes are asked for when none are wanted", async (t) => {
  const file = await serve(t, () => assert.fail());
  assert.equal((await file.read(5, 5)).length, 0);
});
