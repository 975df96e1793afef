import { address, type Behaviour, type Page, type Shown, type Site } from "./catalogue.ts";
import { DIGIT_NAMES, seenDigits, UNSEEN } from "./digits.ts";
import { type Drawing, foreignNames, loadDrawings } from "./emoji.ts";
import { AUTO_NAMES, CAMERA_TEXTS, englishCaption, foreignCaption, HANDWRITING, pairName } from "./wordings.ts";

/** The five sets, and how often their artists' licences appear. */
const SETS = [
  ["noto", "noto.example", "https://www.apache.org/licenses/LICENSE-2.0"],
  ["twemoji", "twemoji.example", "https://creativecommons.org/licenses/by/4.0/"],
  ["openmoji", "openmoji.example", "https://creativecommons.org/licenses/by-sa/4.0/"],
  ["fluent-emoji-flat", "fluent.example", "https://opensource.org/license/mit"],
  ["emojione", "emojione.example", "https://creativecommons.org/licenses/by/4.0/"],
] as const;

const LOCALES = [
  "af",
  "ar",
  "bg",
  "bn",
  "ca",
  "cs",
  "da",
  "de",
  "el",
  "es",
  "et",
  "fa",
  "fi",
  "fr",
  "gl",
  "he",
  "hi",
  "hr",
  "hu",
  "id",
  "is",
  "it",
  "ja",
  "ko",
  "lt",
  "lv",
  "no",
  "nl",
  "pl",
  "pt",
  "ro",
  "ru",
  "sk",
  "sl",
  "sv",
  "th",
  "tr",
  "uk",
  "vi",
  "zh",
];

const EMOJI_A_SITE = 430;
const FOREIGN_A_SITE = 60;
const HANDWRITTEN = 9_000;
const PICTURES_A_PAGE = 40;
/** A page a second is all that the site with a Crawl-delay allows. */
const SLOW_SITE = "emojione.example";
const SLOW_SITE_PICTURES_A_PAGE = 100;

/** All sites of the web, `scale` (0 to 1] times as large, for a server on `port`. */
export function buildSites(port: number, scale: number): Site[] {
  return [
    ...SETS.map(([set, host, licence], number) => emojiSite(set, `${host}:${port}`, licence, number, scale)),
    handwritingSite(`handwriting.example:${port}`, scale),
  ];
}

const scaled = (count: number, scale: number) => Math.max(1, Math.round(count * scale));

function newSite(name: string, host: string, licence: string): Site {
  return {
    name,
    host,
    licence,
    pages: new Map(),
    pictures: new Map(),
    robots: "User-agent: *\nDisallow: /private/\n",
    failsFirst: 0,
  };
}

function emojiSite(set: string, host: string, licence: string, number: number, scale: number): Site {
  const site = newSite(set, host, licence);
  const drawings = loadDrawings(set);
  const english = drawings.slice(0, scaled(EMOJI_A_SITE, scale));
  const shown: Shown[] = english.map((drawing, i) => {
    const caption = englishCaption(drawing, i + number);
    const src = addDrawing(site, drawing, i);
    // Every ninth has a second text; the figcaption is preferred.
    return i % 9 === 4
      ? { src, texts: { figcaption: caption, alt: `${drawing.name} icon` } }
      : i % 9 === 7
        ? { src, texts: { alt: caption, title: caption } }
        : { src, texts: { alt: caption } };
  });
  const rest = drawings.slice(english.length);
  shown.push(...foreign(site, rest.slice(0, scaled(FOREIGN_A_SITE, scale)), number));
  shown.push(...oddities(site, rest.slice(scaled(FOREIGN_A_SITE, scale)), scale));
  // The very same pair on another page is one pair.
  shown.push(...shown.slice(0, scaled(6, scale)));
  if (host.startsWith("openmoji")) site.failsFirst = 2;
  const slow = host.startsWith(SLOW_SITE);
  if (slow) site.robots += "Crawl-delay: 1\n";
  addPages(site, shown, slow ? SLOW_SITE_PICTURES_A_PAGE : PICTURES_A_PAGE);
  addSpecialPages(site, rest.slice(-8), scale);
  return site;
}

function addDrawing(site: Site, drawing: Drawing, number: number): string {
  const format = number % 3 === 0 ? "jpeg" : "png";
  const path = `/pictures/${drawing.slug}.${format === "jpeg" ? "jpg" : "png"}`;
  site.pictures.set(path, { kind: "emoji", svg: drawing.svg, size: [256, 288, 320][number % 3] ?? 256, format });
  return path;
}

function foreign(site: Site, drawings: Drawing[], number: number): Shown[] {
  return drawings.flatMap((drawing, i) => {
    const name = foreignNames(LOCALES[(i + number * 8) % LOCALES.length] ?? "fr")(drawing.character);
    if (!name || name.keywords.length < 3) return [];
    return [
      { src: addDrawing(site, drawing, i), texts: { alt: foreignCaption(name) }, drops: "not_english", foreign: true },
    ];
  });
}

/** What every web has besides good pictures; each with what a perfect crawl does about it. */
function oddities(site: Site, drawings: Drawing[], scale: number): Shown[] {
  const shown: Shown[] = [];
  const used = drawings.values();
  const caption = (what: string) => `A ${what} picture of a small red house`;
  const add = (count: number, make: (i: number) => Shown) => {
    for (let i = 0; i < scaled(count, scale); i++) shown.push(make(i));
  };
  const drawing = (number: number): string => {
    const next = used.next().value;
    if (!next) throw new Error(`${site.name} has too few drawings`);
    return addDrawing(site, next, number);
  };
  const picture = (path: string, behaviour: Behaviour) => {
    site.pictures.set(path, behaviour);
    return path;
  };
  add(12, (i) => ({ src: drawing(i), texts: { alt: AUTO_NAMES[i % AUTO_NAMES.length] ?? "" }, drops: "auto_name" }));
  add(4, (i) => ({
    src: drawing(i),
    texts: { alt: CAMERA_TEXTS[i % CAMERA_TEXTS.length] ?? "" },
    drops: "camera_metadata",
  }));
  add(6, (i) => ({
    src: picture(`/lost/${i}.png`, { kind: "status", status: 404 }),
    texts: { alt: caption("lost") },
    drops: "http_404",
  }));
  add(2, (i) => ({
    src: picture(`/gone/${i}.png`, { kind: "status", status: 410 }),
    texts: { alt: caption("removed") },
    drops: "http_410",
  }));
  add(4, (i) => ({
    src: picture(`/tiny/${i}.png`, { kind: "blank", width: 32, height: 32 + i }),
    texts: { alt: caption("tiny") },
    drops: "too_small",
  }));
  add(2, (i) => ({
    src: picture(`/wide/${i}.png`, { kind: "blank", width: 600 + i, height: 100 }),
    texts: { alt: caption("wide") },
    drops: "aspect_ratio",
  }));
  add(2, (i) => ({
    src: picture(`/cut/${i}.jpg`, { kind: "truncated" }),
    texts: { alt: caption("broken") },
    drops: "undecodable",
  }));
  add(1, (i) => ({
    src: picture(`/soft404/${i}.jpg`, { kind: "html" }),
    texts: { alt: caption("missing") },
    drops: "undecodable",
  }));
  add(1, (i) => ({
    src: picture(`/vector/${i}.svg`, { kind: "svg" }),
    texts: { alt: caption("vector") },
    drops: "unsupported_format",
  }));
  add(1, (i) => ({
    src: picture(`/private/${i}.png`, { kind: "blank", width: 100, height: 100 }),
    texts: { alt: caption("private") },
    drops: "robots",
  }));
  add(4, (i) => {
    const path = drawing(i);
    return {
      src: picture(`/reserved/${i}.png`, { kind: "noai", path }),
      texts: { alt: caption("reserved") },
      drops: "opt_out",
    };
  });
  add(5, (i) => {
    const path = drawing(i);
    for (let hop = 0; hop <= i % 3; hop++)
      picture(`/moved/${i}/${hop}`, { kind: "redirect", to: hop === i % 3 ? path : `/moved/${i}/${hop + 1}` });
    return { src: `/moved/${i}/0`, texts: { alt: `A moved picture of an old ship, number ${i}` } };
  });
  add(1, () => ({
    src: picture("/circle/a", { kind: "redirect", to: "/circle/a" }),
    texts: { alt: caption("circling") },
    drops: "redirect_loop",
  }));
  add(1, () => ({
    src: picture("/inside", { kind: "redirect", to: "http://10.0.0.1/x.png" }),
    texts: { alt: caption("hidden") },
    drops: "private_address",
  }));
  add(6, (i) => {
    // The same bytes under two addresses: truth.ts decides which of the two pairs stays.
    const path = drawing(i);
    shown.push({ src: path, texts: { alt: `A green bicycle in front of a door, drawing ${i}` } });
    return {
      src: picture(`/copies/${i}.png`, { kind: "same as", path }),
      texts: { alt: `A green bicycle in front of a door, drawing ${i}` },
    };
  });
  if (site.name === "noto") {
    shown.push({ src: picture("/slow.png", { kind: "drip" }), texts: { alt: caption("slow") }, drops: "timeout" });
    shown.push({
      src: picture("/endless.png", { kind: "endless" }),
      texts: { alt: caption("very large") },
      drops: "too_large",
    });
  }
  return shown;
}

function addPages(site: Site, shown: Shown[], onePage: number): void {
  const pages: Page[] = [];
  for (let first = 0; first < shown.length; first += onePage) {
    pages.push({
      path: `/gallery/${pages.length + 1}.html`,
      title: `${site.name}, part ${pages.length + 1}`,
      shown: shown.slice(first, first + onePage),
      links: ["../"],
      markup: pages.length,
    });
  }
  for (const [i, page] of pages.entries()) if (i + 1 < pages.length) page.links.push(`${i + 2}.html`);
  // The last third hangs on the page before, the rest on the front page; a sitemap names what nothing links to.
  const front: Page = {
    path: "/",
    title: `All of ${site.name}`,
    shown: [],
    links: pages.slice(0, Math.ceil(pages.length * 0.7)).map(({ path }) => path),
    markup: 0,
  };
  for (const page of [front, ...pages]) site.pages.set(page.path, page);
}

/** Pages that are special as a whole: reserved by meta, forbidden by robots.txt, in an old charset, only in the sitemap, dead links. */
function addSpecialPages(site: Site, drawings: Drawing[], scale: number): void {
  const [a, b, c, d] = drawings.map((drawing, i) => ({ drawing, src: addDrawing(site, drawing, i) }));
  const front = site.pages.get("/");
  if (!a || !b || !c || !d || !front) throw new Error(`${site.name} has too few drawings`);
  const page = (path: string, shown: Shown[], special?: NonNullable<Page["special"]>): Page => ({
    path,
    title: "One more",
    shown,
    links: ["/"],
    markup: 0,
    ...(special ? { special } : {}),
  });
  const special = [
    page(
      "/reserved.html",
      [{ src: a.src, texts: { alt: englishCaption(a.drawing, 1) }, drops: "opt_out_page" }],
      "noai",
    ),
    page("/private/secret.html", [{ src: b.src, texts: { alt: "A secret picture of a key" } }], "forbidden"),
    page("/old.html", [{ src: c.src, texts: { alt: "The old café with a blue door and a round table" } }], "latin1"),
  ];
  for (const one of special) {
    site.pages.set(one.path, one);
    front.links.push(one.path);
  }
  for (let i = 0; i < scaled(3, scale); i++) front.links.push(`/nowhere/${i}.html`);
  if (site.name === "twemoji") {
    const hidden = page("/only-in-sitemap.html", [
      { src: d.src, texts: { alt: "A picture that only the map of the site knows" } },
    ]);
    site.pages.set(hidden.path, hidden);
    site.sitemap = [address(site, hidden.path), address(site, "/gallery/1.html")];
    site.robots += `Sitemap: ${address(site, "/sitemap.xml")}\n`;
  } else {
    site.pictures.delete(d.src);
  }
}

function handwritingSite(host: string, scale: number): Site {
  const site = newSite("handwriting", host, "https://opensource.org/license/mit");
  const pairs = Array.from({ length: 100 }, (_, pair) => pair).filter((pair) => !UNSEEN.includes(pair));
  const next = new Array<number>(10).fill(0);
  const take = (digit: number) => {
    const index = (next[digit] ?? 0) % seenDigits(digit);
    next[digit] = index + 1;
    return { digit, index };
  };
  const shown: Shown[] = [];
  for (let i = 0; i < scaled(HANDWRITTEN, scale); i++) {
    // A stride that shares no factor with 80 spreads the pairs evenly over the pages.
    const pair = pairs[(i * 37) % pairs.length] ?? 0;
    const [left, right] = [Math.floor(pair / 10), pair % 10];
    const path = `/scans/${String(i).padStart(5, "0")}.jpg`;
    site.pictures.set(path, { kind: "digits", left: take(left), right: take(right), shift: ((i * 7) % 13) - 6 });
    const wording = HANDWRITING[i % HANDWRITING.length] ?? HANDWRITING[0];
    shown.push({
      src: path,
      texts: { alt: wording.replace("{c}", pairName(DIGIT_NAMES[left] ?? "", DIGIT_NAMES[right] ?? "")) },
    });
  }
  addPages(site, shown, 100);
  return site;
}
