import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { extractPage } from "../../crawler/extract.ts";
import { extractSitemap } from "../../crawler/sitemap.ts";
import { parseSrcset } from "../../crawler/srcset.ts";

const PAGE = "http://site.example/gallery/page.html";

function pairsOf(html: string | Buffer, charset?: string): [string, string, string][] {
  const { found } = extractPage(Buffer.from(html as string), PAGE, charset, "webimagetext");
  return found.map(({ imageUrl, caption, kind }) => [imageUrl.replace("http://site.example", ""), caption, kind]);
}

// The same texts in every run.
fc.configureGlobal({ seed: 1 });

test("alt, title and figcaption, each text a pair", () => {
  assert.deepEqual(
    pairsOf(`<figure><a href=x><img src="a.png" alt="A red apple" title="apple"></a><figcaption>An  <b>apple</b>\n tree</figcaption></figure>
      <img src=/b.png alt='Two &amp; three'>`),
    [
      ["/gallery/a.png", "An apple tree", "figcaption"],
      ["/gallery/a.png", "A red apple", "alt"],
      ["/gallery/a.png", "apple", "title"],
      ["/b.png", "Two & three", "alt"],
    ],
  );
});

test("base href, protocol-relative and odd addresses", () => {
  assert.deepEqual(
    pairsOf(`<base href="/other/"><img src="a.png" alt="one"><img src="//cdn.example/b.png#top" alt="two">
      <img src=" c d.png " alt="three"><img src="HTTP://SITE.example:80/e.png" alt="four">`).map(([url]) => url),
    ["/other/a.png", "http://cdn.example/b.png", "/other/c%20d.png", "/e.png"],
  );
});

test("lazy loading and its noscript twin are one pair; data: and javascript: are counted", () => {
  const html = `<img class=lazy src="data:image/gif;base64,R0lGOD" data-src="a.png" alt="An apple"><noscript><img src="a.png" alt="An apple"></noscript>
    <img src="data:image/png;base64,x" alt="inline"><img src="javascript:alert(1)" alt="script"><img alt="nothing"><img src="deco.png" alt="">`;
  assert.deepEqual(pairsOf(html), [["/gallery/a.png", "An apple", "alt"]]);
  const { badUrl, noText } = extractPage(Buffer.from(html), PAGE, undefined, "webimagetext");
  assert.equal(badUrl.count, 3);
  assert.deepEqual(noText, { count: 1, example: "http://site.example/gallery/deco.png" });
});

test("srcset: the smallest candidate of at least 1024 pixels, else the largest", () => {
  const one = (srcset: string) => pairsOf(`<img srcset="${srcset}" src="x.png" alt="a">`)[0]?.[0];
  assert.equal(one("a.png 320w, b.png 640w, c.png 1200w, d.png 2400w"), "/gallery/c.png");
  assert.equal(one("a.png 320w, b.png 640w"), "/gallery/b.png");
  assert.equal(one("a.png, b.png 2x"), "/gallery/b.png");
  assert.deepEqual(
    pairsOf(
      `<picture><source type="image/webp" srcset="w.webp 400w"><source srcset="l.png 1600w"><img src="s.png" alt="a"></picture>`,
    )[0]?.[0],
    "/gallery/l.png",
  );
  assert.deepEqual(
    parseSrcset("http://x/a,b.png 1x, data:image/png;base64,AA 2x, c.png").map(({ url }) => url),
    ["http://x/a,b.png", "c.png"],
  );
});

test("charset from header, byte order mark, meta, or guessed", () => {
  const latin = Buffer.from('<img src=a.png alt="Caf\xe9 cr\xe8me">', "latin1");
  const expected = [["/gallery/a.png", "Café crème", "alt"]];
  assert.deepEqual(pairsOf(latin, "windows-1252"), expected);
  assert.deepEqual(pairsOf(latin), expected);
  assert.deepEqual(pairsOf(Buffer.concat([Buffer.from("<meta charset=iso-8859-1>"), latin])), expected);
  assert.deepEqual(pairsOf('<img src=a.png alt="Café crème">'), expected);
  assert.deepEqual(
    pairsOf(Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('<img src=a.png alt="Café crème">', "utf16le")])),
    expected,
  );
});

test("links: same page once, no nofollow, no traps", () => {
  const { links } = extractPage(
    Buffer.from(`<a href="b.html#x">b</a><a href="b.html">b</a><a href="mailto:x@y">m</a><a rel="nofollow" href="c.html">c</a>
      <area href="/d"><a href="/a/a/a/">trap</a><a href="/${"x".repeat(2_100)}">long</a>`),
    PAGE,
    undefined,
    "webimagetext",
  );
  assert.deepEqual(links, ["http://site.example/gallery/b.html", "http://site.example/d"]);
  const closed = extractPage(
    Buffer.from('<meta name="ROBOTS" content="NOFOLLOW"><a href=b>b</a>'),
    PAGE,
    undefined,
    "webimagetext",
  );
  assert.deepEqual(closed.links, []);
});

test("licence and opt-outs of a page", () => {
  const page = extractPage(
    Buffer.from(
      '<link rel="license" href="https://creativecommons.org/licenses/by/4.0/"><meta name="robots" content="NoAI, noimageai"><meta name="tdm-reservation" content="1">',
    ),
    PAGE,
    undefined,
    "webimagetext",
  );
  assert.equal(page.licence, "https://creativecommons.org/licenses/by/4.0/");
  assert.deepEqual(page.optOut, ["meta robots: noai", "meta robots: noimageai", "meta tdm-reservation: 1"]);
});

test("JSON-LD: image objects wherever they are, with their own licence", () => {
  const data = {
    "@context": "https://schema.org",
    "@graph": [
      {
        "@type": "WebPage",
        primaryImageOfPage: { "@type": "ImageObject", contentUrl: "/a.png", caption: "An apple tree", license: "/by" },
      },
      { "@type": ["Thing", "https://schema.org/ImageObject"], url: { "@id": "b.png" }, name: ["A horse", "Ein Pferd"] },
      { "@type": "ImageObject", contentUrl: "/c.png" },
      { "@type": "VideoObject", contentUrl: "/d.mp4", name: "A film" },
    ],
  };
  const html = `<script type="application/ld+json">${JSON.stringify(data)}</script><script type="APPLICATION/LD+JSON">{"ImageObject": broken</script>
    <script type="application/ld+json">/*<![CDATA[*/[{"@type":"ImageObject","contentUrl":"/e.png","description":"A bridge"}]/*]]>*/</script>`;
  assert.deepEqual(pairsOf(html), [
    ["/a.png", "An apple tree", "json-ld"],
    ["/gallery/b.png", "A horse", "json-ld"],
    ["/e.png", "A bridge", "json-ld"],
  ]);
  const { found } = extractPage(Buffer.from(html), PAGE, undefined, "webimagetext");
  assert.deepEqual(
    found.map(({ licence }) => licence),
    ["http://site.example/by", undefined, undefined],
  );
});

test("previews: Open Graph and Twitter pictures with their alt, each with its own", () => {
  assert.deepEqual(
    pairsOf(`<meta property="og:image" content="/a.png"><meta property="og:image:width" content="5"><meta property="og:image:alt" content="An apple">
      <meta property="og:image" content="/b.png"><meta property="og:image:secure_url" content="/b2.png"><meta property="og:image:alt" content="A bear">
      <meta property="og:image" content="/c.png"><meta name="twitter:image" content="/d.png"><meta name="twitter:image:alt" content="A dog">`),
    [
      ["/a.png", "An apple", "preview"],
      ["/b2.png", "A bear", "preview"],
      ["/d.png", "A dog", "preview"],
    ],
  );
});

test("a stand-in and the picture in the noscript behind it are one, with the texts of both", () => {
  assert.deepEqual(
    pairsOf('<img src="blank.gif" alt="An apple" title="apple"> <noscript><img src="a.png"></noscript>'),
    [
      ["/gallery/a.png", "An apple", "alt"],
      ["/gallery/a.png", "apple", "title"],
    ],
  );
  assert.equal(
    pairsOf('<img src="b.png" alt="A bear"><noscript><img src="a.png" alt="An apple"></noscript>').length,
    2,
  );
});

test("a page's own address, without leaving its site; lazy srcsets and sizes by layout", () => {
  const page = (html: string) => extractPage(Buffer.from(html), PAGE, undefined, "webimagetext");
  assert.equal(page('<link rel="Canonical" href="/x">').canonical, "http://site.example/x");
  assert.equal(page('<link rel="canonical" href="javascript:1">').canonical, undefined);
  const one = (html: string) => pairsOf(html)[0]?.[0];
  assert.equal(one('<img src="s.gif" data-srcset="a.png 400w, b.png 1100w, c.png 2000w" alt="a">'), "/gallery/b.png");
  // Upright pictures: 800 wide are 1,200 high.
  assert.equal(one('<img width="400" height="600" srcset="a.png 800w, b.png 1100w" alt="a">'), "/gallery/a.png");
  assert.equal(one('<img width="600" srcset="a.png 1x, b.png 2x, c.png 3x" alt="a">'), "/gallery/b.png");
});

test("srcset as the HTML standard reads it", () => {
  const urls = (srcset: string) => parseSrcset(srcset).map(({ url, width, density }) => [url, width ?? `${density}x`]);
  assert.deepEqual(urls("a"), [["a", "1x"]]);
  assert.deepEqual(urls(" , a 1.5x ,, b\t200w 100h,c,"), [
    ["a", "1.5x"],
    ["b", 200],
    ["c", "1x"],
  ]);
  assert.deepEqual(urls("a,b,c 2x"), [["a,b,c", "2x"]]);
  assert.deepEqual(urls("a 1w 2x, b 0w, c -1x, d 1q, e (x, y) 2x, f 3x"), [["f", "3x"]]);
  assert.deepEqual(urls("a, b"), [
    ["a", "1x"],
    ["b", "1x"],
  ]);
  assert.deepEqual(urls(""), []);
  fc.assert(fc.property(fc.string(), (srcset) => void parseSrcset(srcset)));
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(
          fc.webUrl().filter((url) => !url.endsWith(",")),
          fc.integer({ min: 1, max: 9_999 }),
        ),
        { maxLength: 20 },
      ),
      (all) => {
        const asked = all.map(([url, width]) => `${url} ${width}w`).join(", ");
        assert.deepEqual(urls(asked), all);
      },
    ),
  );
});

test("any bytes make a page", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => void extractPage(bytes, PAGE, undefined, "a")));
  const piece = fc.constantFrom(
    "<img ",
    "<figure>",
    "</figure>",
    "<noscript>",
    "src=a ",
    "alt='x' ",
    ">",
    "<base href=",
    "<script>",
    "<meta ",
    "\0",
    "é",
    "<!--",
  );
  fc.assert(
    fc.property(fc.array(piece), (pieces) => void extractPage(Buffer.from(pieces.join("")), PAGE, "latin1", "a")),
  );
});

test("sitemaps and sitemap indexes", () => {
  const map =
    '<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc> http://site.example/a?b=1&amp;c=2 </loc></url></urlset>';
  assert.deepEqual(extractSitemap(Buffer.from(map))?.links, ["http://site.example/a?b=1&c=2"]);
  assert.deepEqual(
    extractSitemap(Buffer.from("<sitemapindex><sitemap><loc>http://s/1.xml</loc></sitemap></sitemapindex>"))?.links,
    ["http://s/1.xml"],
  );
  assert.equal(extractSitemap(Buffer.from("<rss></rss>")), undefined);
});
