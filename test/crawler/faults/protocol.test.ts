import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { before, test } from "node:test";
import zlib from "node:zlib";
import type { FetchError } from "../../../crawler/fetch-error.ts";
import type { Net } from "../../../crawler/net.ts";
import { checkFaults, type Fault, listen, openNet, rawServer } from "./harness.ts";

// Faults 11, 13 to 18 and 20 of the reliability table: answers that are not what HTTP asks for, or ask for something themselves.

const ok = (headers: string, body: string | Buffer = "x") =>
  Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\n${headers}\r\n`, "latin1"), Buffer.from(body)]);
const sized = (body: Buffer, headers: string) => ok(`${headers}Content-Length: ${body.length}\r\n`, body);
const redirect = (to: string) => Buffer.from(`HTTP/1.1 302 Found\r\nLocation: ${to}\r\nContent-Length: 0\r\n\r\n`);
const busy = (status: number, retryAfter: string) =>
  Buffer.from(`HTTP/1.1 ${status} Busy\r\nRetry-After: ${retryAfter}\r\nContent-Length: 0\r\n\r\n`);
const ZEROS = Buffer.alloc(50_000_000);
const stacked = () => {
  let body: Buffer = Buffer.from("x");
  for (let i = 0; i < 6; i++) body = zlib.gzipSync(body);
  return body;
};

/** [path, what is sent, outcome]; each is asked of a host of its own. */
const ANSWERS: readonly [string, string, () => Buffer, string][] = [
  ["11. redirects in a circle", "/circle", () => redirect("/circle"), "redirect_loop: gone"],
  ["11. six redirects", "/six", () => redirect("/six2"), "redirect_loop: gone"],
  ["11. to a file", "/file", () => redirect("file:///etc/passwd"), "bad_redirect: gone"],
  ["11. to data:", "/data", () => redirect("data:image/png;base64,iVBORw0KGgo="), "bad_redirect: gone"],
  ["11. to gopher:", "/gopher", () => redirect("gopher://a.example/1"), "bad_redirect: gone"],
  ["11. to nothing", "/nowhere", () => redirect("http://"), "bad_redirect: gone"],
  ["15. two lengths", "/lengths", () => ok("Content-Length: 1\r\nContent-Length: 2\r\n"), "protocol: gone"],
  ["15. a negative length", "/negative", () => ok("Content-Length: -1\r\n"), "protocol: gone"],
  ["16. length and chunks", "/both", () => ok("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\n\r\n"), "protocol: gone"],
  ["16. a chunk's size that is none", "/chunk", () => ok("Transfer-Encoding: chunked\r\n", "zz\r\nx\r\n0\r\n\r\n"), "protocol: gone"],
  ["17. a header of a megabyte", "/large-header", () => ok(`X: ${"x".repeat(1_000_000)}\r\n`), "protocol: gone"],
  ["17. ten thousand headers", "/many-headers", () => ok(`${"X: y\r\n".repeat(10_000)}`), "protocol: gone"],
  ["17. a carriage return in a header", "/cr", () => ok("X: a\rSet-Cookie: b\r\nContent-Length: 1\r\n"), "protocol: gone"],
  ["17. no HTTP at all", "/none", () => Buffer.from("SSH-2.0-OpenSSH_9.2\r\n\r\n"), "protocol: gone"],
  ["18. a gzip bomb", "/gzip", () => sized(zlib.gzipSync(ZEROS), "Content-Encoding: gzip\r\n"), "too_large: gone"],
  ["18. a brotli bomb", "/br", () => sized(zlib.brotliCompressSync(ZEROS, { params: { 1: 4 } }), "Content-Encoding: br\r\n"), "too_large: gone"],
  ["18. a zstd bomb", "/zstd", () => sized(zlib.zstdCompressSync(ZEROS), "Content-Encoding: zstd\r\n"), "too_large: gone"],
  ["18. gzip in gzip, a bomb in one", "/twice", () => sized(zlib.gzipSync(zlib.gzipSync(ZEROS)), "Content-Encoding: gzip, gzip\r\n"), "too_large: gone"],
  ["18. six encodings", "/stacked", () => sized(stacked(), `Content-Encoding: ${"gzip,".repeat(6)}\r\n`), "protocol: gone"],
  ["18. half a gzip", "/half", () => sized(zlib.gzipSync("x".repeat(1_000)).subarray(0, 20), "Content-Encoding: gzip\r\n"), "protocol: gone"],
  ["18. an encoding nobody knows", "/lzma", () => ok("Content-Encoding: lzma\r\nContent-Length: 1\r\n"), "protocol: gone"],
  ["20. X-Robots-Tag", "/noai", () => ok("X-Robots-Tag: NoImageAI, noindex\r\nContent-Length: 1\r\n"), "opt_out: refused by policy"],
  ["20. X-Robots-Tag for us", "/ours", () => ok("X-Robots-Tag: WebImageText: noindex, noai\r\nContent-Length: 1\r\n"), "opt_out: refused by policy"],
  ["20. X-Robots-Tag for others", "/others", () => ok("X-Robots-Tag: otherbot: noai\r\nContent-Length: 1\r\n"), "ok: 1 bytes"],
  ["20. TDM-Reservation", "/tdm", () => ok("TDM-Reservation: 1\r\nContent-Length: 1\r\n"), "opt_out: refused by policy"],
  ["20. Content-Usage", "/usage", () => ok("Content-Usage: train-ai=n\r\nContent-Length: 1\r\n"), "opt_out: refused by policy"],
  ["20. Content-Signal", "/signal", () => ok("Content-Signal: search=yes, ai-train=no\r\nContent-Length: 1\r\n"), "opt_out: refused by policy"],
  ["20. Content-Usage that grants", "/grants", () => ok("Content-Usage: train-ai=y, bots=n\r\nContent-Length: 1\r\n"), "ok: 1 bytes"],
  ["17. a header folded over two lines", "/folded", () => ok("X: a\r\n b\r\nContent-Length: 1\r\n"), "protocol: gone"],
  ["an empty body", "/empty", () => ok("Content-Length: 0\r\n", ""), "empty: gone"],
  ["no content", "/204", () => Buffer.from("HTTP/1.1 204 No Content\r\n\r\n"), "empty: gone"],
  ["a redirect without a place", "/300", () => Buffer.from("HTTP/1.1 300 Choices\r\nContent-Length: 0\r\n\r\n"), "http_4xx: gone"],
]; // biome-ignore format: a table

/** Answers that do not end where they say. */
const CUT: Record<string, (socket: Socket) => void> = {
  "/short": (socket) => void socket.end(ok("Content-Length: 100\r\n", "half")),
  "/short-chunks": (socket) => void socket.end(ok("Transfer-Encoding: chunked\r\n", "5\r\nhalf")),
  "/long": (socket) => void socket.write(ok("Content-Length: 1\r\n", "x and more")),
};

const asked: string[] = [];
let port: number;
let net: Net;
const url = (path: string) => `http://${path.slice(1)}.example:${port}${path}`;
before(async () => {
  const server = rawServer(
    (path, socket, host) => {
      asked.push(`${host.split(":")[0]}${path}`);
      if (/^\/six[2-6]$/.test(path)) return socket.write(redirect(`/six${Number(path.at(-1)) + 1}`));
      if (path.startsWith("/busy/"))
        return socket.write(busy(Number(path.slice(6, 9)), decodeURIComponent(path.slice(10))));
      if (path === "/to-forbidden") return socket.write(redirect(`http://forbidden.example:${port}/picture.jpg`));
      const answer = ANSWERS.find(([, known]) => known === path);
      return answer ? socket.write(answer[2]()) : CUT[path]?.(socket);
    },
    (path, socket, host) => {
      const forbids = path === "/robots.txt" && host.startsWith("forbidden");
      if (forbids) socket.write(ok("Content-Length: 25\r\n", "User-agent: *\nDisallow: /\n"));
      return forbids;
    },
  );
  port = await listen(server);
  const names = [...ANSWERS.map(([, path]) => path), ...Object.keys(CUT), "/to-forbidden", "/forbidden"];
  const hosts = [...names.map((path) => path.slice(1)), ...Array.from({ length: 8 }, (_, i) => `busy${i}`)];
  net = openNet({ resolve: hosts.map((host) => `${host}.example:${port}:127.0.0.1`) }).net;
});

test("11, 15 to 18, 20. answers that are wrong or refuse, each with its outcome", async () => {
  await checkFaults(
    net,
    ANSWERS.map(([fault, path, , outcome]): Fault => [fault, url(path), outcome]),
  );
});

test("15. bodies shorter or longer than announced", async () => {
  await checkFaults(net, [
    ["shorter", url("/short"), "reset: retry later"],
    ["cut between chunks", url("/short-chunks"), "reset: retry later"],
    // As long as announced, which is all that belongs to it.
    ["longer", url("/long"), "ok: 1 bytes"],
  ]);
});

test("13. a redirect to a host whose robots.txt forbids it", async () => {
  await checkFaults(net, [["forbidden there", url("/to-forbidden"), "robots: refused by policy"]]);
  assert.ok(!asked.includes("forbidden.example/picture.jpg"));
});

test("14. Retry-After in seconds, as a date, for ten years, and nonsense", async () => {
  const inAMinute = new Date(Date.now() + 60_000).toUTCString();
  for (const [i, [status, header, least, most]] of (
    [
      [429, "7", 7_000, 7_000],
      [503, inAMinute, 50_000, 60_000],
      [503, "315360000", 315_360_000_000, 315_360_000_000],
      [429, "soon", undefined, undefined],
      [503, "-5", 0, 0],
      [429, new Date(0).toUTCString(), 0, 0],
    ] as const
  ).entries()) {
    const address = `http://busy${i}.example:${port}/busy/${status}/${encodeURIComponent(header)}`;
    const error: FetchError = await net.image(new URL(address), { maxBytes: 100, accept: "*/*" }).then(
      () => assert.fail(),
      (thrown) => thrown,
    );
    assert.equal(`${error.reason}: ${error.kind}`, `http_${status === 429 ? 429 : "5xx"}: host in trouble`);
    const wait = error.retryAfterMs;
    if (least === undefined) assert.equal(wait, undefined, header);
    else assert.ok(wait !== undefined && wait >= least && wait <= most, `${header}: ${wait}`);
  }
});
