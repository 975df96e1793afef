import assert from "node:assert/strict";
import { after, test } from "node:test";
import { ExtractPool, type Reading } from "../../../crawler/extract-pool.ts";

// Faults 23 to 28 of the reliability table: markup made to hurt. Read as a crawl reads it, in the pool's threads; the
// thread that serves the requests must not work for it.

/** What the event loop may be kept from its work by one page: the processor time of this thread, since clocks lie on a busy machine. */
const MOST_MS = 200;

const pool = new ExtractPool(2);
after(() => pool.close());

async function read(html: string | Buffer, type = "text/html"): Promise<Reading> {
  const body = Buffer.from(html as string);
  const before = process.threadCpuUsage();
  const reading = await pool.read({ body, url: "http://site.example/page", type, agent: "webimagetext" });
  const { user, system } = process.threadCpuUsage(before);
  assert.ok((user + system) / 1000 < MOST_MS, `${(user + system) / 1000} ms of the main thread`);
  return reading;
}

const captions = (reading: Reading) => reading.page?.found.map(({ caption }) => caption);
const IMG = '<img src="a.png" alt="A red apple">';

test("23. nesting, attributes and text without measure: what comes before is kept, the rest bounded", async () => {
  const hostile: Record<string, string> = {
    "50,000 nested elements": IMG + "<div>".repeat(50_000),
    "a million nested elements": IMG + "<b>".repeat(1_000_000),
    "nested lists and tables": IMG + "<ul><li><table><tr><td><p>".repeat(50_000),
    "100,000 attributes": `${IMG}<p ${Array.from({ length: 100_000 }, (_, i) => `a${i}=1`).join(" ")}>`,
    "200,000 times the same attribute": `${IMG}<p ${"a=1 ".repeat(200_000)}>`,
    "5 MB of text": IMG + "x".repeat(5_000_000),
    "500,000 unclosed formatting elements": IMG + "<a><b>".repeat(250_000),
    "a comment that does not end": `${IMG}<!--${"-".repeat(2_000_000)}`,
    "a million closing tags": IMG + "</p>".repeat(1_000_000),
  };
  for (const [name, html] of Object.entries(hostile)) {
    const reading = await read(html);
    if (reading.error === undefined) assert.deepEqual(captions(reading), ["A red apple"], name);
    else assert.match(reading.error, /not read in/, name);
  }
});

test("23. a page that costs too much memory costs its thread, not the next page", async () => {
  // 52 MB that become a string and a tree of many more: the sitemap's cap lets them through.
  const large = `<urlset>${"<url><loc>http://a.example/</loc></url>".repeat(50)}${"<image:loc>".repeat(4_000_000)}`;
  const [first, second] = await Promise.all([read(large, "application/xml"), read(IMG)]);
  assert.ok(first.error !== undefined || first.sitemap?.links.length === 1, first.error);
  assert.deepEqual(captions(second), ["A red apple"]);
  assert.deepEqual(captions(await read(IMG)), ["A red apple"]);
});

test("24. broken bytes and markup: pairs or none, no error", async () => {
  const wide = Buffer.from(`<html>${IMG.replace("red", "réd")}`, "utf16le");
  assert.deepEqual(captions(await read(wide)), ["A réd apple"]);
  assert.deepEqual(captions(await read(wide.swap16())), ["A réd apple"]);
  assert.deepEqual(captions(await read(`\0\0${IMG}\0\0`)), ["A red apple"]);
  assert.deepEqual(captions(await read('<img src="a.png" alt="A red\0 apple">')), ["A red apple"]);
  assert.deepEqual(captions(await read(`<img src="a.png" alt="${"x".repeat(5_000_000)}`)), []);
  const broken = Buffer.concat([
    Buffer.from('<p>é ü ö ä ß é ü ö ä ß é ü ö ä ß é ü ö ä ß é ü ö ä ß</p><img src="a.png" alt="A \ufffd'),
    Buffer.from([0xff]),
    Buffer.from(' apple">'),
  ]);
  assert.deepEqual(captions(await read(broken)), []);
  for (const html of [
    "",
    "<",
    "<!",
    "<img",
    "<img src",
    "</",
    "<a href='",
    "&#xffffffff;",
    "<![CDATA[",
    "<svg><img alt=x src=y>",
  ])
    await read(html);
});

test("25. charsets that are not what is said", async () => {
  const french = '<img src="a.png" alt="Café crème à Besançon">';
  const chinese = '<img src="a.png" alt="红苹果">';
  const gb18030 = Buffer.from("3c696d67207372633d612e706e6720616c743d22baecc6bbb9fb223e", "hex");
  const expected = ["Café crème à Besançon"];
  assert.deepEqual(captions(await read(Buffer.from(french, "latin1"), "text/html; charset=utf-8")), expected);
  assert.deepEqual(captions(await read(Buffer.from(french), "text/html; charset=utf-8")), expected);
  assert.deepEqual(captions(await read(Buffer.from(french), "text/html; charset=iso-8859-1")), expected); // repaired
  assert.deepEqual(captions(await read(gb18030, "text/html; charset=gb18030")), ["红苹果"]);
  assert.deepEqual(
    captions(await read(Buffer.concat([Buffer.from('<meta charset="gb2312">'), gb18030]), "text/html; charset=utf-8")),
    ["红苹果"],
  );
  assert.deepEqual(
    captions(
      await read(Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(chinese)]), "text/html; charset=latin1"),
    ),
    ["红苹果"],
  );
  assert.deepEqual(captions(await read(chinese, "text/html; charset=no-such-charset")), ["红苹果"]);
});

test("26. addresses: only http and https, by the URL standard, whatever base says", async () => {
  const urls = async (html: string) => (await read(html)).page?.found.map(({ imageUrl }) => imageUrl);
  const sources = [
    "javascript:alert(1)",
    `data:image/png;base64,${"A".repeat(1_000_000)}`,
    "blob:http://x/1",
    "file:///etc/passwd",
    "ftp://x/a.png",
    "about:blank",
    "http://",
    "//",
    `http://x/${"a".repeat(5_000)}`,
  ];
  const reading = await read(sources.map((source, i) => `<img src="${source}" alt="picture ${i}">`).join(""));
  assert.deepEqual(reading.page?.found, []);
  assert.equal(reading.page?.badUrl.count, sources.length);
  assert.ok((reading.page?.badUrl.example.length ?? 0) <= 200);
  assert.deepEqual(await urls('<img src="//cdn.example/a.png" alt="apple">'), ["http://cdn.example/a.png"]);
  assert.deepEqual(await urls('<base href="http://other.example/x/"><img src="../a.png" alt="apple">'), [
    "http://other.example/a.png",
  ]);
  for (const base of ["javascript:alert(1)//", "data:text/html,x", "file:///", "http://", "not an address?"])
    assert.deepEqual(
      await urls(`<base href="${base}"><img src="/a.png" alt="apple">`),
      ["http://site.example/a.png"],
      base,
    );
  assert.deepEqual(await urls('<img src="&#104;ttp://a.example/\n a.png" alt="apple">'), ["http://a.example/%20a.png"]);
});

test("27. forty thousand pictures: two thousand pairs", async () => {
  const many = Array.from({ length: 40_000 }, (_, i) => `<img src="${i % 24_000}.png" alt="picture ${i}">`).join("");
  const reading = await read(many);
  assert.equal(reading.page?.found.length, 2_000);
  const srcset = `<img srcset="${Array.from({ length: 40_000 }, (_, i) => `${i}.png ${i + 1}w`).join(", ")}" alt="A red apple">`;
  assert.deepEqual(captions(await read(srcset)), ["A red apple"]);
  const same = await read(IMG.repeat(40_000));
  assert.deepEqual(captions(same), ["A red apple"]);
});

test("28. texts: bounded and cleaned of what could fool a terminal or a reader", async () => {
  const found = captions(
    await read(
      [
        `<img src="1.png" alt="${"word ".repeat(400_000)}">`,
        '<img src="2.png" alt="A\u202e red\u202c \u200bapple\u2066\u2069">',
        '<img src="3.png" alt="A \u001b[31mred\u001b[0m apple\u0007">',
        '<img src="4.png" alt="&#27;]0;title&#7;apple">',
        '<img src="5.png" alt="🍎🍏">',
      ].join(""),
    ),
  );
  assert.ok((found?.[0]?.length ?? 0) <= 10_000);
  assert.deepEqual(found?.slice(1), ["A red apple", "A [31mred [0m apple", "]0;title apple", "🍎🍏"]);
  for (const caption of found ?? [])
    assert.doesNotMatch(caption, /[\u0000-\u001f\u007f-\u009f\u200b\u202a-\u202e\u2066-\u2069]/);
});

test("what all pairs of a page share is short: a small page gives no large reading", async () => {
  const long = "a".repeat(100_000);
  const pictures = Array.from({ length: 2_000 }, (_, i) => `<img src=${i}.png alt="picture ${i}">`).join("");
  const fewer: Record<string, number> = {
    "a base of usual length": 492,
    "the caption of one figure": 200,
    "pages of a sitemap": 0,
  };
  const hostile: Record<string, string> = {
    base: `<base href="http://x.example/${long}/">${pictures}`,
    canonical: `<link rel=canonical href="/${long}">${pictures}`,
    licence: `<a rel=license href="/${long}">free</a>${pictures}`,
    "the same signal 20,000 times": `<meta name=robots content="${"noai,".repeat(20_000)}">${pictures}`,
    "a base of usual length": `<base href="http://x.example/${"a".repeat(2_000)}/">${pictures}`,
    "the caption of one figure": `<figure><figcaption>${"word ".repeat(1_990)}</figcaption>${pictures}</figure>`,
    "pages of a sitemap": `<urlset><url><loc>http://x.example/${long}/</loc>${"<image:image><image:loc>a.png</image:loc><image:caption>a boat</image:caption></image:image>".repeat(1_000)}</url></urlset>`,
  };
  for (const [name, html] of Object.entries(hostile)) {
    const { page, sitemap, error } = await read(html, name.endsWith("sitemap") ? "application/xml" : "text/html");
    assert.equal(error, undefined, name);
    const pairs = page?.found.length ?? sitemap?.images.length ?? 0;
    // Each pair is written with what it shares with the others.
    const shared = JSON.stringify([page?.canonical, page?.licence, page?.optOut]).length;
    const length = JSON.stringify(page?.found ?? sitemap?.images).length + pairs * shared;
    // With the names of the fields.
    assert.ok(length < 1_250_000, `${name}: ${length} characters`);
    assert.equal(pairs, fewer[name] ?? 2_000, name);
  }
});
