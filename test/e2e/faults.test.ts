import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import sharp from "sharp";
import { openForReading } from "../../store/database.ts";
import { run, useShortList } from "../cli.ts";
import { listen, rawServer } from "../crawler/faults/harness.ts";
import { temporaryFolder } from "../folder.ts";
import { startDns } from "../servers/dns.ts";
import { closedPort } from "../servers/free-port.ts";

// A crawl of a list full of faults, as a user would run it: it ends by itself, and the state table has an outcome for each.

const ok = (headers: string, body: string | Buffer = "x") =>
  Buffer.concat([
    Buffer.from(`HTTP/1.1 200 OK\r\n${headers}Content-Length: ${body.length}\r\n\r\n`),
    Buffer.from(body),
  ]);
const jpeg = await sharp({ create: { width: 100, height: 100, channels: 3, background: "#a03020" } })
  .jpeg()
  .toBuffer();
const redirect = (to: string) => Buffer.from(`HTTP/1.1 302 Found\r\nLocation: ${to}\r\nContent-Length: 0\r\n\r\n`);

/** [path, what the server sends, the pair's state or drop reason] */
const FAULTS: readonly [string, Buffer, string][] = [
  ["/fine", ok("", jpeg), "kept"],
  ["/says-html", ok("Content-Type: text/html\r\n", Buffer.concat([jpeg, Buffer.from("2")])), "kept"],
  ["/soft-404", ok("Content-Type: image/jpeg\r\n", "<html>not found"), "undecodable"],
  ["/half", ok("", jpeg.subarray(0, jpeg.length >> 1)), "undecodable"],
  ["/circle", redirect("/circle"), "redirect_loop"],
  ["/to-metadata", redirect("http://169.254.169.254/latest"), "private_address"],
  ["/to-file", redirect("file:///etc/passwd"), "bad_redirect"],
  ["/noai", ok("X-Robots-Tag: noai\r\n", jpeg), "opt_out"],
  ["/lengths", ok("Content-Length: 1\r\n", jpeg), "protocol"],
  ["/bomb", ok("Content-Encoding: gzip\r\n", gzipSync(Buffer.alloc(30_000_000))), "too_large"],
  ["/gone", Buffer.from("HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"), "http_410"],
  ["/private/x", ok("", jpeg), "robots"],
];

test("every fault of a list ends as one outcome in the state table", async () => {
  const port = await listen(
    rawServer(
      (path, socket) => socket.write(FAULTS.find(([known]) => known === path)?.[1] ?? ""),
      (path, socket) =>
        path === "/robots.txt" && socket.write(ok("", "User-agent: *\nDisallow: /private\n")) !== undefined,
    ),
  );
  const dead = await closedPort();
  const dns = await startDns((name) =>
    name.startsWith("inside") ? ["10.1.2.3"] : name.startsWith("site") ? ["127.0.0.1"] : "NXDOMAIN",
  );
  after(dns.close);
  const folder = temporaryFolder("fault-crawl");
  const [data, list, limits] = [join(folder, "data"), join(folder, "list.csv"), join(folder, "limits.tsv")];
  const expected: [string, string][] = [
    ...FAULTS.map(([path, , outcome]): [string, string] => [`http://site.example:${port}${path}`, outcome]),
    ["http://nowhere.example/x", "dns"],
    ["http://inside.example/x", "private_address"],
    [`http://site.example:${dead}/x`, "connect"],
    ["http://0x7f.1.2.3.4.5/x", "bad_url"],
  ];
  writeFileSync(
    list,
    ["url,caption", ...expected.map(([url], i) => `${url},A red apple on table ${i}`), ""].join("\n"),
  );
  writeFileSync(limits, "127.0.0.0/8 0 10000 8\n");
  useShortList(data, ["apple"]);
  const args = [
    "crawl",
    "--data",
    data,
    "--quiet",
    "--urls",
    list,
    "--dns",
    dns.address,
    "--allow-private",
    "127.0.0.0/8",
    "--host-limits",
    limits,
  ];
  const { code, error } = await run(args);
  assert.equal(code, 0, error);
  const db = openForReading(data);
  const rows = db
    .prepare<[], { url: string; outcome: string }>(
      "SELECT image_url AS url, coalesce(reason, state) AS outcome FROM pair",
    )
    .all();
  const early = db.prepare<[], { reason: string; pairs: number }>("SELECT reason, pairs FROM tally").all();
  db.close();
  const known = expected.filter(([, outcome]) => outcome !== "bad_url");
  assert.deepEqual(new Map(rows.map(({ url, outcome }) => [url, outcome])), new Map(known));
  assert.deepEqual(early, [{ reason: "bad_url", pairs: 1 }]);
});
