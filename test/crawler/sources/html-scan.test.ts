import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { test } from "node:test";
import { extractPage } from "../../../crawler/extract.ts";
import { extractArchivedPage } from "../../../crawler/sources/archive/archived-page.ts";
import { generator } from "../../random.ts";

const ADDRESS = "https://a.example/dir/page.html";
/** htmlparser2 takes `<tmp>` for `<xmp>`, and so loses what follows; the scanner does not. */
const PARSER_BUG = "908eb47dc8a2159a6247c21288cb8791d2704ea391c02ac61b5840894233a160.html";

function assertSame(body: Buffer, what: string, charset?: string): number {
  const { links: _, canonical: __, ...expected } = extractPage(body, ADDRESS, charset, "webimagetext");
  const found = extractArchivedPage(body, ADDRESS, charset, "webimagetext");
  assert.deepEqual(
    { ...found, links: undefined, canonical: undefined },
    { ...expected, links: undefined, canonical: undefined },
    what,
  );
  return expected.found.length;
}

test("real pages: the same pairs, drops, licence and signals as the crawler's extraction", () => {
  // WIT_PAGES names more: a folder of .html files.
  const folder = process.env["WIT_PAGES"];
  const some = globSync("node_modules/htmlparser-benchmark/files/*.html").sort();
  const files = folder ? globSync(`${folder}/**/*.html`).concat(some) : some.slice(0, 80);
  let pairs = 0;
  let pages = 0;
  for (const file of files) {
    const body = readFileSync(file);
    if (basename(file) === PARSER_BUG || body.length === 0) continue;
    pairs += assertSame(body, file);
    pages++;
  }
  assert.ok(pairs > 800, `${pairs} pairs on ${pages} pages`);
});

/** Pieces of pages, whole and broken, that pages are put together from. */
const PIECES =
  `<img src=a.jpg alt=x>|<img src='b.jpg' alt='y &amp z &copy;' title="t">|<IMG SRC=c.png ALT="q"/>|<figure>|</figure>
<figcaption>|</figcaption>|<figcaption class='c'>cap &eacute; <b>bold</b>|<picture>|</picture>|<source srcset='s1.jpg 100w, s2.jpg 2000w'>
<source type=image/svg+xml srcset=v.svg>|<p>|</p>|<div>|</div>|<table>|<tr>|<td>|</td>|<ul>|<li>|<svg>|</svg>|<figure/>|<title>|</title>
<textarea>|</textarea>|<script>|</script>|<style>|</style >|<!--|-->|--!>|<!-->|<!---->|<!doctype html>|<?php|?>|<base href='/dir/'>
<base href=http://b.example/x/y>|<meta name=robots content=noai>|<meta name='robots' content="a, NOIMAGEAI">|<meta name=tdm-reservation content=1>|<meta name=TDM-Reservation content=0>|<link rel=license href=/lic>
<a rel='x LICENSE y' href='/l2'>|</a>|text & more &amp; &lt;b&gt; &notin; &#233; &#x80;|<|<<|>|"|'|=|/| |<x-y a='>' b=">" c=<img>|<img alt>
<img src>|<img data-src=lazy.jpg src=data:image/gif;base64,xx alt='lz'>|<img srcset='a b c, d 2x' alt=ss>|<noscript>|</noscript>
<template>|<![CDATA[x]]>|<h1>|<option>|<select>|<button>|<math>|<mi>|<desc>|<foreignObject>|<br>|</br>|<hr>|<body>|<head>|</div/>|</ div>
</>|<img/src=z.jpg/alt=w>|<img src=u.jpg alt=a/b>|<img src = 'sp.jpg' alt = "sp" alt=second>|<rt>|<dd>|<optgroup>|é ü|ﬁn
<script type="application/LD+json">{"@type":"ImageObject","contentUrl":"j.jpg","caption":"described"}</script>|<br/>
<meta property=og:image content=o.jpg><meta property=og:image:alt content="a preview">|<noscript><img src=n.jpg></noscript>
<img src=w.jpg alt=w width=200 height=900 srcset='s.jpg, m.jpg 3x'>|<img data-actualsrc=act.jpg alt=act title=tt>
<a b = "x>y">|<a ="x>y">|<a href=f="b>c">|<p a='1'b="2>">|<a rel = license href = /l3>|<i / >|<b c=="d>">|<u a=/>|<a href='>' REL="License">`.split(
    /[|\n]/,
  );

test("5,000 pages put together from pieces, most of them broken", () => {
  const next = generator(1);
  const random = (n: number) => Math.floor(next() * n);
  for (let page = 0; page < 5_000; page++) {
    const pieces = Array.from({ length: 1 + random(25) }, () => PIECES[random(PIECES.length)]);
    // The parser makes text of a declaration that the page's end cuts off.
    const html = `${pieces.join("")}\n"'></p>`;
    assertSame(Buffer.from(html), JSON.stringify(html));
  }
});

test("encodings: header, mark, meta, guess; those whose tags are no ASCII go the slow way", () => {
  const html = (head: string) =>
    `${head}<figure><img src="k%C3%A4se.jpg" alt="Käse – ‘fein’"><figcaption>Käse</figcaption></figure>`;
  const latin = (text: string) => Buffer.from(text.replaceAll(/[–‘’]/g, "-"), "latin1");
  for (const [body, charset] of [
    [Buffer.from(html(""))],
    [latin(html(""))],
    [latin(html("")), "iso-8859-1"],
    [Buffer.from(html('<meta charset="iso-8859-1">'))],
    [latin(html('<meta http-equiv="Content-Type" content="text/html; charset=windows-1252">'))],
    [Buffer.from(html("<!-- <meta charset=iso-8859-1> --><meta charset=utf-8>"))],
    [Buffer.from(html('<meta charset="utf-16">'))],
    [Buffer.from(`\ufeff${html("")}`), "iso-8859-1"],
    [Buffer.from(`\ufeff${html("")}`, "utf16le")],
    [Buffer.from(html(""), "utf16le"), "utf-16le"],
    [Buffer.from([...Buffer.from('<img src=a.jpg alt="'), 0x8a, 0xbf, 0x8e, 0x9a, ...Buffer.from('">')]), "shift_jis"],
    [Buffer.from([...Buffer.from('<img src=a.jpg alt="'), 0xba, 0xba, 0xd7, 0xd6, ...Buffer.from('">')]), "gbk"],
  ] as [Buffer, string?][]) {
    assert.ok(assertSame(body, `${charset} ${body.toString("latin1", 0, 80)}`, charset) > 0);
  }
});
