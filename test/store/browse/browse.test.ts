import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { load } from "cheerio";
import sharp from "sharp";
import { startBrowser } from "../../../store/browse/server.ts";
import { readRemovals } from "../../../store/remove.ts";
import { builtWorkspace, SCRIPT } from "../built-workspace.ts";

async function served(t: TestContext) {
  const { db, data } = await builtWorkspace(t);
  const browser = await startBrowser(data, 0);
  t.after(() => browser.close());
  const open = async (path: string) => {
    const response = await fetch(new URL(path, browser.address));
    return { response, $: load(await response.text()) };
  };
  const one = (sql: string) => String(db.prepare(sql).pluck().get());
  return { db, data, browser, open, one };
}

/** A raw request, because fetch refuses to forge a Host. */
function raw(
  address: string,
  method: string,
  path: string,
  headers: Record<string, string>,
  content = "",
): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, address), { method, headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.on("error", reject).end(content);
  });
}

test("queries are searched and lead to their pairs; pairs are filtered by state, reason and words", async (t) => {
  const { db, open } = await served(t);
  const all = (await open("/queries")).$;
  assert.equal(all("tbody tr").length, 6);
  assert.deepEqual(
    (await open("/queries?q=train"))
      .$("tbody a")
      .map((_, a) => all(a).text())
      .get(),
    ["steam train"],
  );
  assert.match((await open("/queries?q=xyz")).$("main").text(), /No query of the list contains that/);
  const dogs = (await open("/pairs?query=dog")).$;
  const expected = db
    .prepare(
      "SELECT count(*) FROM pair p WHERE EXISTS (SELECT 1 FROM json_each(p.queries) WHERE value = (SELECT id FROM query WHERE term = 'dog'))",
    )
    .pluck()
    .get();
  assert.equal(dogs(".pairs li").length, expected);
  const dropped = (await open("/pairs?state=dropped&reason=not_english")).$;
  assert.deepEqual(
    dropped(".pairs .caption")
      .map((_, e) => dropped(e).text())
      .get()
      .sort(),
    ["ein Hund am Bach", "un chien noir"],
  );
  const words = (await open("/pairs?text=apple+13")).$;
  assert.ok(words(".pairs li").length > 0);
  assert.ok(
    words(".pairs .caption")
      .map((_, e) => words(e).text())
      .get()
      .every((caption) => /apple/.test(caption) && /\b13$/.test(caption)),
  );
  assert.match((await open("/pairs?query=parliament")).$("main").text(), /is not on the query list/);
});

test("pages follow one another without losing or repeating a pair", async (t) => {
  const { db, open } = await served(t);
  const seen: string[] = [];
  let path: string | undefined = "/pairs";
  while (path) {
    const { $ } = await open(path);
    seen.push(
      ...$(".pairs a")
        .map((_, a) => $(a).attr("href") ?? "")
        .get(),
    );
    path = $("a[rel=next]").attr("href");
  }
  assert.equal(new Set(seen).size, seen.length);
  assert.equal(seen.length, db.prepare("SELECT count(*) FROM pair").pluck().get());
});

test("pictures come straight from the shards; what has none is said", async (t) => {
  const { open, one, browser } = await served(t);
  const kept = one("SELECT id FROM pair WHERE state = 'kept'");
  const response = await fetch(new URL(`/picture/${kept}`, browser.address));
  assert.equal(response.headers.get("content-type"), "image/jpeg");
  const { width, height } = await sharp(await response.arrayBuffer()).metadata();
  assert.deepEqual([width, height], [96, 80]);
  const dropped = one("SELECT id FROM pair WHERE reason = 'not_english'");
  assert.equal((await open(`/picture/${dropped}`)).response.status, 404);
  assert.match((await open(`/pair/${dropped}`)).$("main").text(), /no picture here/);
});

test("a pair's page says why it is kept, in reserve or dropped", async (t) => {
  const { open, one } = await served(t);
  const page = async (where: string) =>
    (await open(`/pair/${one(`SELECT id FROM pair WHERE ${where} ORDER BY id`)}`))
      .$("main")
      .text()
      .replace(/\s+/g, " ");
  assert.match(await page("state = 'kept' AND caption LIKE '%dog%'"), /kept It is in the data set.*dog chosen for it/);
  assert.match(
    await page("state = 'reserve'"),
    /reserve None of its queries has room.*not chosen for it, after the first 12 of \d+/,
  );
  assert.match(
    await page("reason = 'not_english'"),
    /dropped at caption: not english, not English, [^(]* \((German|French)\)/,
  );
  assert.equal((await open("/pair/0000000000000000")).response.status, 404);
  assert.equal((await open("/nothing")).response.status, 404);
});

test("marks are kept in a file that remove reads, and can be taken back", async (t) => {
  const { data, browser, open, one } = await served(t);
  const id = one("SELECT id FROM pair WHERE state = 'kept'");
  const { $ } = await open(`/pair/${id}`);
  const form = new URLSearchParams(
    $("form[action='/mark'] input")
      .map((_, input) => [[$(input).attr("name") ?? "", $(input).attr("value") ?? ""]])
      .get() as unknown as [string, string][],
  );
  assert.equal(form.get("id"), id);
  const send = (marked: string) => {
    form.set("marked", marked);
    return fetch(new URL("/mark", browser.address), { method: "POST", body: form, redirect: "manual" });
  };
  const answer = await send("yes");
  assert.deepEqual([answer.status, answer.headers.get("location")], [303, `/pair/${id}`]);
  assert.deepEqual(await readRemovals(join(data, "marked.txt")), [{ kind: "pair", value: id }]);
  assert.match((await open("/marked")).$("main").text(), /npm run remove -- --data .*marked\.txt/);
  await send("no");
  assert.deepEqual(await readRemovals(join(data, "marked.txt")), []);
  form.set("back", "//elsewhere.example/");
  assert.equal((await send("no")).headers.get("location"), "/marked");
});

test("hostile captions are text; nothing may run, load or leave", async (t) => {
  const { browser, open, one, db } = await served(t);
  db.prepare("UPDATE query SET term = ? WHERE term = 'zebra'").run("<script>alert(1)</script>");
  const id = one("SELECT id FROM pair WHERE caption LIKE '%script%'");
  for (const path of [
    `/pair/${id}`,
    "/pairs",
    "/queries",
    "/pairs?text=owned",
    `/pairs?query=${encodeURIComponent("<script>x</script>")}`,
    "/marked",
  ]) {
    const { $, response } = await open(path);
    assert.equal($("script, iframe, object, embed, i").length, 0, path);
    for (const element of $("*").get())
      for (const name of Object.keys("attribs" in element ? element.attribs : {}))
        assert.doesNotMatch(name, /^on/i, path);
    assert.match(
      response.headers.get("content-security-policy") ?? "",
      /^default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$/,
    );
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    for (const image of $("img").get()) assert.match($(image).attr("src") ?? "", /^\/picture\/[0-9a-f]{16}$/);
  }
  const { $ } = await open(`/pair/${id}`);
  assert.ok($("h1").text().includes('"><script>document.title = "owned"</script>'));
  assert.doesNotMatch($("h1").text(), /[\u001b\u202e]/);
  assert.ok(SCRIPT.includes("script"));
  // Another name for this machine, another page's form, another method.
  assert.equal(await raw(browser.address, "GET", "/", { host: "evil.example" }), 421);
  assert.equal(
    await raw(
      browser.address,
      "POST",
      "/mark",
      { "content-type": "application/x-www-form-urlencoded" },
      `id=${id}&marked=yes&token=guess`,
    ),
    403,
  );
  assert.equal(await raw(browser.address, "DELETE", "/pairs", {}), 405);
  assert.equal(await raw(browser.address, "GET", "/picture/..%2f..%2fetc%2fpasswd", {}), 404);
});

test("an older or empty workspace and a taken port are answered in one line", async (t) => {
  const { data, browser } = await served(t);
  await assert.rejects(
    startBrowser(data, Number(new URL(browser.address).port)),
    /port \d+ is taken: give another --port/,
  );
  await assert.rejects(startBrowser(join(data, "none"), 0), /no data set in/);
  assert.equal(existsSync(join(data, "marked.txt")), false);
  assert.match(readFileSync("store/browse/server.ts", "utf8"), /server\.listen\(port, "127\.0\.0\.1"/);
});
