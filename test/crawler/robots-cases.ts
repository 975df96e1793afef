/**
 * What RFC 9309 says, and what Google documents for its own parser where the RFC leaves room: for each robots.txt and
 * agent the paths that may and those that may not be fetched.
 */
export interface RobotsCase {
  about: string;
  robots: string;
  agent: string;
  allowed: readonly string[];
  forbidden: readonly string[];
}

const only = (...rules: string[]) => ["User-agent: crawler", ...rules].join("\n");
/** Everything is forbidden but what the rule allows. */
const but = (rule: string) => only("Disallow: /", `Allow: ${rule}`);
const cases: RobotsCase[] = [];
const add = (about: string, robots: string, agent: string, allowed: string[], forbidden: string[]) =>
  cases.push({ about, robots, agent, allowed, forbidden });

// 2.1: lines and groups.
for (const end of ["\n", "\r\n", "\r"]) {
  add(`lines end in ${JSON.stringify(end)}`, ["User-agent: a", "Disallow: /x", ""].join(end), "a", ["/y"], ["/x"]);
  add(
    `no end of the last line after ${JSON.stringify(end)}`,
    ["User-agent: a", "Disallow: /x"].join(end),
    "a",
    ["/y"],
    ["/x"],
  );
}
const GROUPS = `Allow: /before
User-agent: one
Disallow: /
Allow: /one
User-agent: two
Disallow: /
Allow: /two

Allow: /also-two
User-agent: three

User-agent: one
Allow: /one-and-three
Disallow: /
`;
add("groups of one agent are one", GROUPS, "one", ["/one", "/one-and-three"], ["/two", "/before"]);
add("an empty line ends no group", GROUPS, "two", ["/two", "/also-two"], ["/one", "/one-and-three", "/before"]);
add("agents one after the other share a group", GROUPS, "three", ["/one-and-three"], ["/one", "/before"]);
add("no group is ours", GROUPS, "four", ["/", "/one", "/before"], []);
for (const spell of [
  (s: string) => s.toUpperCase(),
  (s: string) => s.toLowerCase(),
  (s: string) => s.replace(/[eaw]/g, (c) => c.toUpperCase()),
])
  add(
    "names of lines in any case",
    `${spell("user-agent")}: crawler\n${spell("allow")}: /x\n${spell("disallow")}: /`,
    "crawler",
    ["/x"],
    ["/y"],
  );
for (const blank of ["", " ", "\t", "  \t"])
  add(
    "white space around the colon",
    `User-agent${blank}:${blank}crawler\nDisallow${blank}:${blank}/x${blank}`,
    "crawler",
    ["/y"],
    ["/x"],
  );
add("no colon, two words", "user-agent crawler\nallow /x\ndisallow /", "crawler", ["/x"], ["/y"]);
add("no colon, three words", only("disallow /x y"), "crawler", ["/x"], []);

// 2.2.1: user-agent.
for (const line of ["CRAWLER", "crawler", "Crawler", "crawler/2.1", "crawler images", "crawler*"])
  for (const agent of ["crawler", "Crawler"])
    add(`agent ${line}`, `User-agent: *\nDisallow: /\nUser-agent: ${line}\nDisallow: /x`, agent, ["/y"], ["/x"]);
for (const line of ["crawl", "crawlers", "my-crawler", "", "crawler-news", "*crawler", "ツ"])
  add(`agent ${line} is another`, `User-agent: ${line}\nDisallow: /`, "crawler", ["/x"], []);
for (const line of ["*", "* ", "* # all", "*\tx"])
  add(`everyone as ${JSON.stringify(line)}`, `User-agent: ${line}\nDisallow: /x`, "crawler", ["/y"], ["/x"]);
add("nothing", "", "crawler", ["/"], []);
add(
  "our group instead of everyone's",
  "User-agent: *\nAllow: /\nUser-agent: crawler\nDisallow: /",
  "crawler",
  [],
  ["/"],
);
add("everyone's group for the others", "User-agent: *\nAllow: /\nUser-agent: crawler\nDisallow: /", "other", ["/"], []);
add(
  "our empty group frees us",
  "User-agent: crawler\nUser-agent: other\nDisallow:\nUser-agent: *\nDisallow: /",
  "crawler",
  ["/"],
  [],
);
add("what only others' groups say", "User-agent: b\nDisallow: /\nUser-agent: c\nDisallow: /", "crawler", ["/"], []);

// 2.2.2: allow and disallow.
add("paths have case", only("Disallow: /Path/"), "crawler", ["/path/x", "/PATH/"], ["/Path/x"]);
add(
  "the longest rule decides: disallow",
  only("Disallow: /a/page.html", "Allow: /a/"),
  "crawler",
  ["/a/"],
  ["/a/page.html"],
);
add(
  "the longest rule decides: allow",
  only("Allow: /a/page.html", "Disallow: /a/"),
  "crawler",
  ["/a/page.html"],
  ["/a/"],
);
add("empty rules say nothing", only("Disallow: ", "Allow: "), "crawler", ["/a"], []);
add("allow wins a tie", only("Disallow: /", "Allow: /"), "crawler", ["/a"], []);
add("allow wins a tie of long rules", only("Allow: /a/b.html", "Disallow: /a/b.html"), "crawler", ["/a/b.html"], []);
add("a folder and its name", only("Disallow: /a", "Allow: /a/"), "crawler", ["/a/", "/a/b"], ["/a", "/ab"]);
add("length counts wildcards", only("Allow: /page", "Disallow: /*.html"), "crawler", ["/page"], ["/page.html"]);
add(
  "length counts, whatever the wildcard covers",
  only("Allow: /a/page.", "Disallow: /*.html"),
  "crawler",
  ["/a/page.html"],
  ["/a/x.html"],
);
add(
  "our group says nothing about it",
  "User-agent: *\nDisallow: /a\nUser-agent: crawler\nDisallow: /b",
  "crawler",
  ["/a"],
  ["/b"],
);
add(
  "a query stays as it is",
  but("/a?b=c&d=http://e.example?f"),
  "crawler",
  ["/a?b=c&d=http://e.example?f"],
  ["/a?b=c", "/a"],
);
add(
  "characters beyond ASCII are encoded",
  but("/a/ツ"),
  "crawler",
  ["/a/%E3%83%84", "/a/%e3%83%84/b"],
  ["/a/%E3%83%85"],
);
add("encoded ones stay", but("/a/%E3%83%84"), "crawler", ["/a/%E3%83%84"], ["/a/%E3%83"]);
add(
  "letters may be encoded on both sides",
  but("/a/%62%61%7A"),
  "crawler",
  ["/a/%62%61%7A", "/a/baz", "/a/b%61z"],
  ["/a/ba"],
);
add("what is reserved stays encoded", but("/a/%2Fb"), "crawler", ["/a/%2Fb", "/a/%2fb"], ["/a//b", "/a/b"]);

// 2.2.3: special characters.
add(
  "a star in the middle",
  only("Disallow: /a/b/c", "Allow: /a/*/d"),
  "crawler",
  ["/a/c", "/a//c", "/a/x/c", "/a/b/d"],
  ["/a/b/c"],
);
add("the end", only("Disallow: /a/b$", "Allow: /a/b/c"), "crawler", ["/a/b/c", "/a/b/", "/a/b/d", "/a/bc"], ["/a/b"]);
add(
  "comments",
  only("# Disallow: /", "Disallow: /a/b#c", "Allow: / # all"),
  "crawler",
  ["/a/c", "/a"],
  ["/a/b", "/a/bx"],
);
add("a dollar that is not last is a dollar", only("Disallow: /a$b"), "crawler", ["/a", "/ab"], ["/a$b"]);
add("stars in a row", only("Disallow: /a***b"), "crawler", ["/a", "/ba"], ["/ab", "/axxb"]);
add("a star and the end", only("Disallow: /*a*$"), "crawler", ["/b"], ["/ba", "/bac"]);
add("parts may not overlap", only("Disallow: /ab*ba$"), "crawler", ["/aba"], ["/abba", "/abxba"]);

// 2.2.4, 2.5: other lines, long ones, byte order marks.
add(
  "other lines end no group",
  only("Disallow: /a", "Sitemap: http://x.example/s", "Host: x", "Disallow: /b"),
  "crawler",
  ["/c"],
  ["/a", "/b"],
);
add("a byte order mark", `\ufeff${only("Disallow: /a")}`, "crawler", ["/b"], ["/a"]);
add("half a byte order mark", `\ufffd${only("Disallow: /a")}`, "crawler", ["/b"], ["/a"]);
add("one in the middle spoils its line", only("\ufeffDisallow: /a", "Disallow: /b"), "crawler", ["/a"], ["/b"]);
add(
  "a page instead of rules",
  "<html><head><title>Not found</title></head><body>Disallow: /</body>",
  "crawler",
  ["/a"],
  [],
);
const LONG = `/x/${"a".repeat(2_083 * 8 - "/x/".length - "Disallow: ".length - 1)}`;
add("long lines are cut", only(`Disallow: ${LONG}/qux`), "crawler", ["/fux"], [`${LONG}/fux`]);
add(
  "and hold as far as they go",
  only("Disallow: /", `Allow:    ${LONG}/qux`),
  "crawler",
  [`${LONG}/qux`, `${LONG}/fux`],
  ["/"],
);

// What Google accepts beyond the RFC.
for (const key of ["dissallow", "dissalow", "disalow", "diasllow", "disallaw"])
  add(`${key} for disallow`, only(`${key}: /a`), "crawler", ["/b"], ["/a"]);
for (const key of ["useragent", "user agent"])
  add(`${key} for user-agent`, `${key}: crawler\nDisallow: /a`, "crawler", ["/b"], ["/a"]);
add(
  "index.html stands for its folder",
  but("/shop/index.html"),
  "crawler",
  ["/shop/", "/shop/index.html"],
  ["/shop/index.htm", "/shop", "/shop/x", "/"],
);

// Google's examples of what patterns match.
for (const rule of ["/fish", "/fish*"])
  add(
    rule,
    but(rule),
    "crawler",
    ["/fish", "/fish.html", "/fish/salmon.html", "/fishheads", "/fishheads/yummy.html", "/fish.html?id=1"],
    ["/bar", "/Fish.asp", "/catfish", "/?id=fish"],
  );
add(
  "/fish/",
  but("/fish/"),
  "crawler",
  ["/fish/", "/fish/?id=1", "/fish/salmon.htm"],
  ["/fish", "/fish.html", "/Fish/salmon.asp"],
);
add(
  "/*.php",
  but("/*.php"),
  "crawler",
  ["/file.php", "/folder/file.php", "/folder/file.php?p", "/folder/any.php.file.html", "/file.php/", "/i?f=file.php/"],
  ["/", "/php/", "/i?php", "/windows.PHP"],
);
add(
  "/*.php$",
  but("/*.php$"),
  "crawler",
  ["/file.php", "/folder/file.php"],
  ["/file.php?p", "/file.php/", "/file.php5", "/php/", "/aphpa", "/windows.PHP"],
);
add("/fish*.php", but("/fish*.php"), "crawler", ["/fish.php", "/fishheads/catfish.php?p"], ["/Fish.PHP", "/bar"]);
add("/p before /", only("Allow: /p", "Disallow: /"), "crawler", ["/page"], ["/"]);
add("a tie in a folder", only("Allow: /folder", "Disallow: /folder"), "crawler", ["/folder/page"], []);
add("the longer one, if only by its wildcard", only("Allow: /page", "Disallow: /*.htm"), "crawler", [], ["/page.htm"]);
add("the front page only", only("Allow: /$", "Disallow: /"), "crawler", ["/"], ["/page.htm"]);

/** All of them. */
export const ROBOTS_CASES: readonly RobotsCase[] = cases;
