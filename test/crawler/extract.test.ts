import assert from "node:assert/strict";
import { test } from "node:test";
import { extractPage } from "../../crawler/extract.ts";
import { extractSitemap } from "../../crawler/sitemap.ts";
import { parseSrcset } from "../../crawler/srcset.ts";

const PAGE = "http://site.example/gallery/page.html";

function pairsOf(html: string | Buffer, charset?: string): [string, string, string][] {
  const { found } = extractPage(Buffer.from(html as string), PAGE, charset, "webimagetext");
  return found.map(({ imageUrl, caption, kind }) => [imageUrl.replace("http://site.example", ""), caption, kind]);
}

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

test("hostile markup ends quickly", () => {
  const started = performance.now();
  pairsOf("<div>".repeat(20_000));
  pairsOf(`<img ${'x="1" '.repeat(50_000)} src=a.png alt="An apple">`);
  pairsOf("<img src=a.png alt=".repeat(2_000));
  pairsOf(Buffer.alloc(1_000_000, 0));
  assert.ok(performance.now() - started < 5_000, `${performance.now() - started} ms`);
  assert.equal(pairsOf(`<img src=a.png alt="An apple">${'<img src="x.png" alt="y">'.repeat(0)}`).length, 1);
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
