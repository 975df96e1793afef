import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { brotliCompressSync, gunzipSync, gzipSync } from "node:zlib";
import { extractPage } from "../../../crawler/extract.ts";
import { HttpClient } from "../../../crawler/http.ts";
import { readCdx } from "../../../crawler/sources/cdx.ts";
import type { Batch } from "../../../crawler/sources/source.ts";
import { readWarc } from "../../../crawler/sources/warc.ts";
import { readWat } from "../../../crawler/sources/wat.ts";
import { closeDatabase, type Database, openDatabase } from "../../../store/database.ts";
import { normaliseUrl } from "../../../store/pair-id.ts";
import type { Candidate } from "../../../store/types.ts";
import {
  type ArchivePage,
  htmlMetadata,
  member,
  realPages,
  response,
  warcMembers,
  watMembers,
} from "../../archives/write.ts";
import { temporaryFolder } from "../../folder.ts";

const NEVER = new AbortController().signal;
const folder = temporaryFolder("archive");
const http = new HttpClient({ userAgent: "test", allowPrivate: [], resolve: [] });
let db: Database;
before(() => {
  db = openDatabase(folder);
});
after(async () => {
  closeDatabase(db);
  await http.close();
});

const file = (name: string, ...parts: Buffer[]) => {
  const path = join(folder, name);
  writeFileSync(path, Buffer.concat(parts));
  return path;
};

async function all(batches: AsyncIterable<Batch>) {
  const candidates: Candidate[] = [];
  const drops: Record<string, number> = {};
  for await (const batch of batches) {
    candidates.push(...batch.candidates);
    for (const { reason, pairs } of batch.drops) drops[reason] = (drops[reason] ?? 0) + pairs;
    batch.done();
  }
  return { candidates, drops };
}
const wat = (path: string) => all(readWat(db, http, path, "webimagetext", NEVER));
const warc = (path: string) => all(readWarc(db, http, path, "webimagetext", NEVER));
const pairsOf = (candidates: Candidate[]) =>
  candidates.map(({ imageUrl, caption, kind }) => `${imageUrl} ${kind} ${caption}`);

const page = (html: string, more: Partial<ArchivePage> = {}): ArchivePage => ({
  uri: "https://a.example/dir/page.html",
  html: Buffer.from(html),
  ...more,
});

test("WAT: addresses resolved against page and base, alt and title, licence, language, place", async () => {
  const pages = [
    page('<img src="pic/1.jpg" alt="A red apple" title="Apple"><img src="/2.jpg" alt="Zwei &quot;B&auml;ren&quot;">', {
      language: "de",
    }),
    page('<base href="/other/"><a rel="license" href="by/4.0/">CC</a><img src="3.jpg" alt="three"><img src="4.jpg">', {
      headers: { "Content-Language": "en-GB, fr" },
    }),
    page(
      '<meta name="robots" content="noai"><img src="//cdn.example/5.jpg" alt="five"><img src="data:image/gif;base64,R0" alt="x">',
    ),
  ];
  const path = file("small.warc.wat.gz", ...watMembers(pages));
  const { candidates, drops } = await wat(path);
  assert.deepEqual(pairsOf(candidates), [
    "https://a.example/dir/pic/1.jpg alt A red apple",
    "https://a.example/dir/pic/1.jpg title Apple",
    'https://a.example/2.jpg alt Zwei "Bären"',
    "https://a.example/other/3.jpg alt three",
    "https://cdn.example/5.jpg alt five",
  ]);
  assert.deepEqual(drops, { no_text: 1, bad_url: 1 });
  assert.deepEqual(
    candidates.map(({ origin }) => origin?.language),
    ["de", "de", "de", "en-GB", undefined],
  );
  assert.equal(candidates[3]?.licence, "https://a.example/other/by/4.0/");
  assert.deepEqual(candidates[4]?.optOut, ["meta robots: noai"]);
  for (const { origin, pageUrl } of candidates) {
    assert.equal(pageUrl, "https://a.example/dir/page.html");
    assert.equal(origin?.date, "2026-09-12T08:15:00Z");
    // The offset is the gzip member of the page's own record.
    const rest = Buffer.concat(watMembers(pages)).subarray(origin?.offset);
    assert.match(gunzipSync(rest).toString("utf8", 0, 40), /^WARC\/1\.0\r\nWARC-Type: metadata/);
  }
  assert.deepEqual((await wat(path)).candidates, [], "a file that was read is done");
});

test("WAT and WARC: a base or licence of great length, which each pair would carry, is none", async () => {
  const long = "a".repeat(10_000);
  const pages = [page(`<base href="/${long}/"><a rel="license" href="/${long}">free</a><img src="1.jpg" alt="one">`)];
  const read = [
    await wat(file("long.warc.wat.gz", ...watMembers(pages))),
    await warc(file("long.warc.gz", ...warcMembers(pages))),
  ];
  for (const { candidates } of read) {
    assert.deepEqual(pairsOf(candidates), ["https://a.example/dir/1.jpg alt one"]);
    assert.equal(candidates[0]?.licence, undefined);
  }
});

test("WAT: signals of headers and meta elements in any order of the JSON; what only looks like one", async () => {
  const signalsOf = async (name: string, json: object | string) => {
    const block = Buffer.from(typeof json === "string" ? json : JSON.stringify(json));
    const fields = { "WARC-Target-URI": "https://a.example/", "Content-Type": "application/json" };
    const { candidates, drops } = await wat(file(`${name}.warc.wat.gz`, member("metadata", fields, block)));
    assert.deepEqual(pairsOf(candidates), ["https://a.example/x.jpg alt x"], JSON.stringify(drops));
    const [{ optOut, licence, origin } = assert.fail()] = candidates;
    return { optOut, licence, language: origin?.language };
  };
  const Links = [{ path: "IMG@/src", url: "x.jpg", alt: "x" }];
  const page = (Headers: object, Head: object = {}) => ({
    Envelope: { "Payload-Metadata": { "HTTP-Response-Metadata": { "HTML-Metadata": { Links, Head }, Headers } } },
  });
  const none = { optOut: undefined, licence: undefined, language: undefined };
  assert.deepEqual(await signalsOf("usage", page({ Server: 'a"b', "Content-Usage": "train-ai=n" })), {
    ...none,
    optOut: ["content-usage: train-ai=n"],
  });
  assert.deepEqual(await signalsOf("signal", page({ "CONTENT-SIGNAL": "search=yes, ai-train=no" })), {
    ...none,
    optOut: ["content-signal: search=yes, ai-train=no"],
  });
  assert.deepEqual(await signalsOf("tdm", page({}, { Metas: [{ name: "TDM-Reservation", content: "1" }] })), {
    ...none,
    optOut: ["meta tdm-reservation: 1"],
  });
  assert.deepEqual(await signalsOf("agent", page({}, { Metas: [{ content: "NoAI", name: "WebImageText" }] })), {
    ...none,
    optOut: ["meta webimagetext: noai"],
  });
  const Metas = [
    { name: "robots", content: "index, follow" },
    { name: "description", content: 'noai, she said: "Metas":[{' },
    { "http-equiv": "Content-Language", content: "de-AT" },
  ];
  const Link = [{ path: "LINK@/href", url: "/by/", rel: "license" }];
  assert.deepEqual(await signalsOf("none", page({ "Content-Encoding": "gzip" }, { Metas, Link, Base: "/" })), {
    ...none,
    licence: "https://a.example/by/",
    language: "de-AT",
  });
  // Values that are no strings, and white space: parsed as a whole.
  assert.deepEqual(await signalsOf("numbers", page({ Age: 7, "Content-Language": "fr, en" }, { Metas: [] })), {
    ...none,
    language: "fr",
  });
  assert.deepEqual(await signalsOf("spaces", JSON.stringify(page({ "content-usage": "train-ai=n" }), null, 1)), {
    ...none,
    optOut: ["content-usage: train-ai=n"],
  });
});

test("WAT of real pages: as if every record had been parsed as a whole", async () => {
  const pages = realPages(60);
  const { candidates } = await wat(file("real.warc.wat.gz", ...watMembers(pages)));
  const expected = pages.flatMap(({ uri, html }) => {
    const { Head, Links } = htmlMetadata(html) as { Head: { Base?: string }; Links: Record<string, string>[] };
    const base = URL.parse(Head.Base ?? "", uri)?.href ?? uri;
    return Links.filter(({ path, alt, title }) => path === "IMG@/src" && (alt?.trim() || title?.trim())).map((link) =>
      normaliseUrl(link["url"] ?? "", base),
    );
  });
  const found = candidates.filter(
    ({ kind, imageUrl }, i) => kind === "alt" || candidates[i - 1]?.imageUrl !== imageUrl,
  );
  assert.deepEqual(
    new Set(found.map(({ imageUrl }) => imageUrl)),
    new Set(expected.filter((url) => url !== undefined)),
  );
  assert.ok(candidates.length > 500);
});

test("WAT: members cut short, damaged bytes and bad JSON are counted, and all others read", async () => {
  const pages = Array.from({ length: 40 }, (_, i) =>
    page(`<img src="${i}.jpg" alt="picture number ${i}">`, { uri: `https://a.example/${i}/` }),
  );
  const members = watMembers(pages);
  const response = (i: number) => 1 + 3 * i + 1;
  members[response(3)] = (members[response(3)] as Buffer).subarray(0, 200);
  const broken = Buffer.from(members[response(7)] as Buffer);
  broken.fill(0x55, 60, 80);
  members[response(7)] = broken;
  const fields = { "WARC-Target-URI": "https://a.example/", "Content-Type": "application/json" };
  members[response(11)] = member("metadata", fields, Buffer.from('{"Envelope":{"Links":[{"path":"IMG@/src","url":"x'));
  members.push((members.at(-2) as Buffer).subarray(0, 100));
  const { candidates, drops } = await wat(file("broken.warc.wat.gz", ...members));
  assert.deepEqual(
    candidates.map(({ caption }) => caption),
    pages.map((_, i) => `picture number ${i}`).filter((_, i) => ![3, 7, 11].includes(i)),
  );
  assert.deepEqual(drops, { bad_record: 4 });
});

test("a WAT file goes on at the piece that was written last, packed or not", async () => {
  const members = watMembers(realPages(20));
  const copies = Array.from({ length: 30 }, () => Buffer.concat(members));
  const packed = file("resume.warc.wat.gz", ...copies);
  const plain = file("resume.warc.wat", ...copies.map((copy) => gunzipSync(copy)));
  for (const path of [packed, plain]) {
    const first: Candidate[] = [];
    for await (const batch of readWat(db, http, path, "webimagetext", NEVER)) {
      first.push(...batch.candidates);
      batch.done();
      if (first.length > 700) break;
    }
    const rest = (await wat(path)).candidates;
    db.prepare("DELETE FROM list_position WHERE file = ?").run(path);
    const whole = (await wat(path)).candidates;
    assert.ok(first.length < whole.length);
    assert.deepEqual(pairsOf([...first, ...rest]), pairsOf(whole));
  }
});

test("WARC: the pairs the crawler would have found; chunked and compressed bodies, charsets, other records", async () => {
  const html = Buffer.from('<figure><img src=a.jpg alt="Käse"><figcaption>Ein Käse</figcaption></figure>');
  const chunk = (body: Buffer) =>
    Buffer.concat([
      Buffer.from(`5;x=1\r\n`),
      body.subarray(0, 5),
      Buffer.from(`\r\n${(body.length - 5).toString(16)}\r\n`),
      body.subarray(5),
      Buffer.from("\r\n0\r\n\r\n"),
    ]);
  const bodies: [Record<string, string>, Buffer][] = [
    [{}, html],
    [{ "Transfer-Encoding": "chunked" }, chunk(html)],
    [{ "Transfer-Encoding": "chunked" }, html],
    [{ "Content-Encoding": "gzip" }, gzipSync(html)],
    [{ "Content-Encoding": "gzip", "Transfer-Encoding": "chunked" }, chunk(gzipSync(html))],
    [{ "Content-Encoding": "gzip" }, html],
    [{ "Content-Encoding": "br" }, brotliCompressSync(html)],
    [{ "Content-Type": "text/html; charset=iso-8859-1" }, Buffer.from(html.toString("utf8"), "latin1")],
    [{ "Content-Type": "text/html; charset=utf-16le" }, Buffer.from(html.toString("utf8"), "utf16le")],
  ];
  const members = bodies.map(([headers, body], i) =>
    member(
      "response",
      { "WARC-Target-URI": `https://a.example/${i}/`, "Content-Type": "application/http; msgtype=response" },
      response(page("", { headers }), body),
    ),
  );
  const other = [
    member("response", { "WARC-Target-URI": "dns:a.example", "Content-Type": "text/dns" }, Buffer.from("a")),
    member("response", { "WARC-Target-URI": "https://a.example/x" }, Buffer.from("no HTTP")),
    member(
      "response",
      { "WARC-Target-URI": "https://a.example/y" },
      Buffer.from("HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n\r\n<img src=z.jpg alt=z>"),
    ),
    member(
      "response",
      { "WARC-Target-URI": "https://a.example/z" },
      response(page("", { headers: { "Content-Encoding": "deflate" } }), Buffer.from("no deflate")),
    ),
  ];
  const { candidates, drops } = await warc(file("bodies.warc.gz", ...members, ...other));
  assert.deepEqual(
    pairsOf(candidates),
    bodies.flatMap((_, i) => [
      `https://a.example/${i}/a.jpg figcaption Ein Käse`,
      `https://a.example/${i}/a.jpg alt Käse`,
    ]),
  );
  assert.deepEqual(drops, { bad_record: 2 });
});

test("WARC and CDX of real pages give what the crawler's extraction gives", async () => {
  const pages = realPages(20);
  const members = warcMembers(pages);
  const path = file("real.warc.gz", ...members);
  const expected = pages.flatMap(({ uri, html }) =>
    extractPage(html, uri, undefined, "webimagetext").found.map(
      (found) => `${found.imageUrl} ${found.kind} ${found.caption}`,
    ),
  );
  assert.deepEqual(pairsOf((await warc(path)).candidates), expected);
  const starts = members.map((_, i) => members.slice(0, i).reduce((sum, { length }) => sum + length, 0));
  const lines = pages.map((_, i) => {
    const entry = {
      filename: "real.warc.gz",
      offset: String(starts[2 + 2 * i]),
      length: String(members[2 + 2 * i]?.length),
    };
    return `example,a)/ 20260912081500 ${JSON.stringify(entry)}\n`;
  });
  const index = join(folder, "index.cdxj");
  writeFileSync(
    index,
    `${lines.join("")}example,a)/ 2026 {"filename": 1}\n{"filename": "real.warc.gz", "offset": 0, "length": 1e12}\n`,
  );
  const { candidates, drops } = await all(readCdx(db, http, index, folder, "webimagetext", NEVER));
  assert.deepEqual(pairsOf(candidates), expected);
  assert.equal(drops["bad_row"], 2, "one names no record, one a record of a terabyte");
});
