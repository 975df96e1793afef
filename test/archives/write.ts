import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { load } from "cheerio";

/** A page of an archive that a test writes. */
export interface ArchivePage {
  uri: string;
  html: Buffer;
  /** Headers beside Content-Type, as the server sent them. */
  headers?: Record<string, string>;
  language?: string;
}

const PAGES = "node_modules/htmlparser-benchmark/files";
const DATE = "2026-09-12T08:15:00Z";
const ARCHIVE = "CC-MAIN-20260912081500-20260912111500-00000.warc.gz";

/** Real front pages of the web (npm's htmlparser-benchmark), each under an address of its own. */
export function realPages(limit = Number.POSITIVE_INFINITY): ArchivePage[] {
  const files = readdirSync(PAGES).filter((name) => name.endsWith(".html"));
  return files
    .sort()
    .slice(0, limit)
    .map((name, i) => ({
      uri: `https://site${i}.example/news/${name.slice(0, 8)}.html`,
      html: readFileSync(join(PAGES, name)),
    }));
}

/** A gzip member with one WARC record. */
export function member(type: string, fields: Record<string, string>, block: Buffer): Buffer {
  return gzipSync(record(type, fields, block));
}

/** One WARC record, unpacked. */
export function record(type: string, fields: Record<string, string>, block: Buffer): Buffer {
  const id = createHash("md5").update(JSON.stringify(fields)).update(block).digest("hex");
  const lines = Object.entries({
    "WARC-Type": type,
    "WARC-Date": DATE,
    "WARC-Record-ID": `<urn:uuid:${id}>`,
    ...fields,
    "Content-Length": String(block.length),
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`WARC/1.0\r\n${lines.join("")}\r\n`), block, Buffer.from("\r\n\r\n")]);
}

/** The response to a request for a page, as a server sent it. */
export function response(page: ArchivePage, body = page.html): Buffer {
  const headers = { "Content-Type": "text/html", ...page.headers };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\n${lines.join("")}\r\n`), body]);
}

/** The members of a WARC file of these pages: warcinfo, then request and response of each. */
export function warcMembers(pages: readonly ArchivePage[]): Buffer[] {
  return [
    member("warcinfo", { "Content-Type": "application/warc-fields" }, Buffer.from("software: test\r\n")),
    ...pages.flatMap((page) => [
      member(
        "request",
        { "WARC-Target-URI": page.uri, "Content-Type": "application/http; msgtype=request" },
        Buffer.from(`GET / HTTP/1.1\r\nHost: ${new URL(page.uri).host}\r\n\r\n`),
      ),
      member(
        "response",
        { "WARC-Target-URI": page.uri, "Content-Type": "application/http; msgtype=response" },
        response(page),
      ),
    ]),
  ];
}

/** The members of a WAT file in Common Crawl's layout: three records a page, of which the response's has its links. */
export function watMembers(pages: readonly ArchivePage[]): Buffer[] {
  const members = [
    member("warcinfo", { "Content-Type": "application/warc-fields" }, Buffer.from("isPartOf: test\r\n")),
  ];
  for (const page of pages) {
    for (const kind of ["request", "response", "metadata"] as const) {
      const fields = { "WARC-Target-URI": page.uri, "Content-Type": "application/json" };
      members.push(member("metadata", fields, Buffer.from(JSON.stringify(envelope(page, kind)))));
    }
  }
  return members;
}

function envelope(page: ArchivePage, kind: "request" | "response" | "metadata"): object {
  const payload = {
    request: {
      "HTTP-Request-Metadata": {
        Headers: { Connection: "Keep-Alive", Host: new URL(page.uri).host, "User-Agent": "CCBot/2.0" },
        "Request-Message": { Method: "GET", Path: new URL(page.uri).pathname, Version: "HTTP/1.1" },
      },
      "Actual-Content-Type": "application/http; msgtype=request",
    },
    response: {
      "HTTP-Response-Metadata": {
        "Response-Message": { Version: "HTTP/1.1", Status: "200", Reason: "OK" },
        "Headers-Length": "312",
        Headers: { "Content-Type": "text/html; charset=UTF-8", Server: "nginx", ...page.headers },
        "HTML-Metadata": htmlMetadata(page.html),
        "Entity-Digest": "sha1:X64Z4UYWGZPL3SZTNCRNX5CZBTRQV3RF",
        "Entity-Length": String(page.html.length),
        "Entity-Trailing-Slop-Length": "0",
      },
      "Actual-Content-Type": "application/http; msgtype=response",
    },
    metadata: {
      "Actual-Content-Type": "application/metadata-fields",
      "WARC-Metadata-Metadata": {
        "Metadata-Records": [
          { Name: "fetchTimeMs", Value: "218" },
          ...(page.language
            ? [
                {
                  Name: "languages-cld2",
                  Value: JSON.stringify({
                    reliable: true,
                    "text-bytes": 4711,
                    languages: [{ code: page.language, "code-iso-639-3": "xxx", "text-covered": 0.99, score: 1200 }],
                  }),
                },
              ]
            : []),
        ],
      },
    },
  };
  return {
    Container: {
      Filename: ARCHIVE,
      Compressed: true,
      Offset: "481",
      "Gzip-Metadata": {
        "Inflated-Length": "754",
        "Footer-Length": "8",
        "Inflated-CRC": "-1310371683",
        "Deflate-Length": "481",
        "Header-Length": "10",
      },
    },
    Envelope: {
      "Payload-Metadata": payload[kind],
      Format: "WARC",
      "WARC-Header-Length": "396",
      "WARC-Header-Metadata": {
        "WARC-Type": kind,
        "WARC-Date": DATE,
        "WARC-Target-URI": page.uri,
        "Content-Type": `application/http; msgtype=${kind}`,
      },
      "Block-Digest": "sha1:7VCE3JPLTC4HDSUAEDHVDNMBXQQ5XYP5",
      "Actual-Content-Length": "1234",
      "WARC-Header-Digest": "sha1:Q6OTBDEV5MMGTYVPMNQDXVBLDDLF5QDB",
    },
  };
}

/** Attributes that Common Crawl's extractor takes down, beside the address. */
const KEPT = ["alt", "title", "rel", "target", "hreflang", "type", "longdesc"];
const SOURCES: Record<string, string> = {
  a: "href",
  area: "href",
  link: "href",
  img: "src",
  script: "src",
  iframe: "src",
  form: "action",
  embed: "src",
  source: "src",
};

/** What the extractor of Common Crawl's WAT files says about a page, in its layout. */
export function htmlMetadata(html: Buffer): object {
  const $ = load(html.toString("utf8"), { xml: { xmlMode: false } });
  const head: Record<string, unknown> = {};
  const metas = $("meta")
    .toArray()
    .map((meta) => ({ ...meta.attribs }));
  if (metas.length > 0) head["Metas"] = metas;
  const title = $("title").first().text();
  if (title) head["Title"] = title;
  const base = $("base[href]").first().attr("href");
  if (base !== undefined) head["Base"] = base;
  const linksIn = (selector: string) =>
    $(selector)
      .toArray()
      .flatMap((element) => {
        if (!("name" in element)) return [];
        const attribute = SOURCES[element.name] ?? "href";
        const url = $(element).attr(attribute);
        if (url === undefined) return [];
        const link: Record<string, string> = { path: `${element.name.toUpperCase()}@/${attribute}`, url };
        for (const name of KEPT) {
          const value = $(element).attr(name);
          if (value !== undefined) link[name] = value;
        }
        const text = element.name === "a" ? $(element).text().replace(/\s+/g, " ").trim() : "";
        if (text) link["text"] = text;
        return [link];
      });
  head["Link"] = linksIn("link");
  head["Scripts"] = linksIn("script[src]");
  return { Head: head, Links: linksIn("a, area, img, iframe, form, embed, source") };
}
