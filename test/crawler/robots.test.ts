import assert from "node:assert/strict";
import { test } from "node:test";
import { isAllowed, isPathAllowed, parseRobots, usageOptOut } from "../../crawler/robots.ts";
import { ROBOTS_CASES } from "./robots-cases.ts";

/** [robots.txt, path, allowed], read as the agent webimagetext. */
const CASES: readonly [string, string, boolean][] = [
  ["", "/a", true],
  ["User-agent: *\nDisallow: /", "/a", false],
  ["User-agent: *\nDisallow: /", "/robots.txt", true],
  ["User-agent: *\nDisallow:", "/a", true],
  ["User-agent: other\nDisallow: /", "/a", true],
  ["User-agent: WebImageText\nDisallow: /x", "/x/y", false],
  ["User-agent: webimagetext/1.0\nDisallow: /x", "/x", false],
  ["User-agent: webimage\nDisallow: /", "/x", true],
  // Our own group replaces the one for everyone.
  ["User-agent: *\nDisallow: /\nUser-agent: webimagetext\nDisallow: /x", "/y", true],
  // Groups of the same agent are one; several agents share a group.
  [
    "User-agent: webimagetext\nDisallow: /a\nUser-agent: b\nDisallow: /c\nUser-agent: webimagetext\nDisallow: /d",
    "/d",
    false,
  ],
  ["User-agent: b\nUser-agent: webimagetext\nDisallow: /d", "/d", false],
  // Lines of other kinds neither end nor begin a group.
  ["User-agent: webimagetext\nSitemap: http://x/s.xml\nDisallow: /d", "/d", false],
  // The longest match wins, allow wins a tie.
  ["User-agent: *\nAllow: /p\nDisallow: /", "/page", true],
  ["User-agent: *\nAllow: /folder\nDisallow: /folder", "/folder/page", true],
  ["User-agent: *\nAllow: /page\nDisallow: /*.htm", "/page.htm", false],
  ["User-agent: *\nAllow: /$\nDisallow: /", "/", true],
  ["User-agent: *\nAllow: /$\nDisallow: /", "/page.htm", false],
  [
    "User-agent: *\nAllow: /example/page/\nDisallow: /example/page/disallowed.gif",
    "/example/page/disallowed.gif",
    false,
  ],
  // Case matters in paths, wildcards, anchors.
  ["User-agent: *\nDisallow: /Fish", "/fish", true],
  ["User-agent: *\nDisallow: /*.php$", "/a.php?x", true],
  ["User-agent: *\nDisallow: /*.php$", "/a/b.php", false],
  ["User-agent: *\nDisallow: /fish*.php", "/fishheads/catfish.php?parameters", false],
  ["User-agent: *\nDisallow: /*a*b*c$", "/xaxbxcxc", false],
  ["User-agent: *\nDisallow: /a$b", "/a$b", false],
  // Percent-encoding in one form on both sides (the RFC's table in 2.2.2).
  ["User-agent: *\nDisallow: /foo/bar?baz=http://foo.bar", "/foo/bar?baz=http://foo.bar", false],
  ["User-agent: *\nDisallow: /foo/bar/ツ", "/foo/bar/%E3%83%84", false],
  ["User-agent: *\nDisallow: /foo/bar/%62%61%7A", "/foo/bar/baz", false],
  ["User-agent: *\nDisallow: /a%3cd", "/a%3Cd", false],
  // Byte order mark, comments, any line end, rules before any agent, nonsense.
  ["\ufeffUser-agent: *\nDisallow: /a", "/a", false],
  ["User-agent: * # all\r\nDisallow: /a # this\r\n", "/a", false],
  ["User-agent: *\rDisallow: /a\r", "/a", false],
  ["Disallow: /a\nUser-agent: *\nDisallow: /b", "/a", true],
  ["<html><body>User-agent: *</body>\nDisallow: /", "/a", true],
];

test("RFC 9309 matching", () => {
  for (const [text, path, allowed] of CASES) {
    const url = new URL(path, "http://site.example");
    assert.equal(isAllowed(parseRobots(text, "webimagetext"), url), allowed, `${JSON.stringify(text)} ${path}`);
  }
});

test("crawl delay, sitemaps and training signals", () => {
  const robots = parseRobots(
    "Sitemap: http://a/1.xml\nUser-agent: *\nCrawl-delay: 2.5\nContent-Signal: search=yes, ai-train=no\nDisallow: /x\n",
    "webimagetext",
  );
  assert.equal(robots.crawlDelay, 2.5);
  assert.deepEqual(robots.sitemaps, ["http://a/1.xml"]);
  const page = new URL("http://a/page");
  assert.deepEqual(usageOptOut(robots, page), ["robots.txt Content-Signal: search=yes, ai-train=no"]);
  assert.deepEqual(
    usageOptOut(parseRobots("Content-Usage: train-ai=y\nUser-agent: *\nDisallow:", "webimagetext"), page),
    [],
  );
});

test("a hostile pattern costs no time", () => {
  const robots = parseRobots(`User-agent: *\nDisallow: /${"*a".repeat(2_000)}$`, "webimagetext");
  const before = process.cpuUsage().user;
  assert.equal(isAllowed(robots, new URL(`http://x/${"a".repeat(1_900)}`)), true);
  assert.ok(process.cpuUsage().user - before < 500_000);
});

test("RFC 9309 and what Google documents, by path", () => {
  let answers = 0;
  for (const { about, robots, agent, allowed, forbidden } of ROBOTS_CASES) {
    const parsed = parseRobots(robots, agent);
    for (const path of allowed) assert.ok(isPathAllowed(parsed, path), `${about}: ${path.slice(0, 80)} is allowed`);
    for (const path of forbidden)
      assert.ok(!isPathAllowed(parsed, path), `${about}: ${path.slice(0, 80)} is forbidden`);
    answers += allowed.length + forbidden.length;
  }
  assert.ok(answers >= 142, `${answers} answers`);
});
