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
