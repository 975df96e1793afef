import assert from "node:assert/strict";
import { test } from "node:test";
import { Pages } from "../../queries/pages.ts";
import { wordsOf } from "../../queries/terms.ts";
import { Prose } from "../../queries/wikitext.ts";
import { comparable, compareCounts, countWords, theirCounts } from "./agreement.ts";
import { fixture, unpack } from "./fixtures.ts";
import { proseOf as allProse } from "./grown-dump.ts";

const prose = new Prose({ files: ["Файл"], categories: ["Категория"] });

/** A wikitext as it stands in a dump. */
function escaped(wikitext: string): { xml: Buffer; end: number } {
  const text = wikitext.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return { xml: Buffer.from(`${text}</text>\n`), end: Buffer.byteLength(text) };
}

/** The prose of a wikitext, as it stands in the XML of a dump, with white space made single. */
function proseOf(wikitext: string): string {
  const { xml, end } = escaped(wikitext);
  prose.read(xml, 0, end);
  return Buffer.from(prose.text.bytes.subarray(0, prose.length)).toString().replace(/\s+/g, " ").trim();
}

const CASES: [string, string, string][] = [
  [
    "bold and italics",
    "'''Anarchism''' is a ''political'' '''''philosophy'''''",
    "Anarchism is a political philosophy",
  ],
  ["an apostrophe", "don't and O'Neill", "don't and O'Neill"],
  ["an apostrophe behind italics", "the ''Iliad'''s end, ''a'' and '''sons'''", "the Iliad's end, a and sons"],
  ["a closing tag that is none", "a<ref>b</ref name=c> d</ref> e", "a e"],
  ["elements in capitals", "a<REF>b</Ref> c<SUB>2</SUB>", "a c2"],
  ["a link", "the [[United States]] of", "the United States of"],
  ["a link with text", "the [[United States|American]] one", "the American one"],
  ["a link with an ending", "[[Dog]]s and [[cat|cat]]s", "Dogs and cats"],
  ["links in a link's text", "[[A|b [[C]] d]]", "b C d"],
  ["a link that is never closed", "see [[here\n\nand on", "see here and on"],
  ["a category", "text\n[[Category:Living people|Sort]]\n", "text"],
  ["a category in the wiki's language", "a [[Категория:Птици]] b", "a b"],
  ["another language's page", "a [[fr:Chien]] [[zh-min-nan:Kau]] b", "a b"],
  ["a picture with a caption", "[[File:Dog.jpg|thumb|right|200px|A [[dog]] in snow]] x", "A dog in snow x"],
  ["the same in the wiki's language", "[[Файл:Куче.jpg|мини|Куче]] x", "Куче x"],
  ["a picture without one", "a [[File:Dog.jpg|thumb|left]] b [[Image:D.png]]", "a b"],
  ["a picture with alt text only", "a [[File:Dog.jpg|thumb|alt=A dog]] b", "a b"],
  ["an outside link", "see [http://example.org/a?b=c the page] now", "see the page now"],
  ["an outside link without text", "see [http://example.org/a] now", "see now"],
  ["a bare address", "see https://example.org/path?x=1 now", "see now"],
  ["a template", "a {{convert|3|km|mi}} b", "a b"],
  ["templates in a template", "a {{x|{{y|{{z}}}}|w=[[q]]}} b", "a b"],
  ["a template that is never closed", "a {{x|y\n\nb", "a b"],
  ["a parameter", "a {{{name|default}}} b", "a b"],
  ["a table", 'a\n{| class="wikitable"\n! head\n|-\n| cell || [[cell]]\n|}\nb', "a b"],
  ["a table in a table", "a\n{|\n| x\n{|\n| y\n|}\n|}\nb", "a b"],
  ["a reference", 'fact<ref name="x">{{cite|title=T}} book</ref> next<ref name="x" /> end', "fact next end"],
  ["a comment", "a<!-- hidden [[x]] --> b", "a b"],
  ["a formula", "the <math>\\frac{a}{b}</math> is", "the is"],
  ["code", 'a <syntaxhighlight lang="c">int main</syntaxhighlight> b', "a b"],
  ["tags within a word", "H<sub>2</sub>O and x<sup>2</sup>", "H2O and x2"],
  ["tags between words", "a<br/>b<br>c", "a b c"],
  ["small print stays", "a <small>tiny</small> b", "a tiny b"],
  ["less and greater", "a < b > c", "a b > c"],
  ["entities", "caf&eacute; &ndash; 5&nbsp;km &#x3b1; &#945; &eta;", "café – 5 km α α η"],
  ["an ampersand", "AT&T R&D", "AT&T R&D"],
  ["headings", "== History ==\n=== Early ===\ntext", "History Early text"],
  ["lists", "zero\n* one\n** two\n# three\n: four\n; five", "zero one two three four five"],
  ["switches", "__NOTOC__ text __FORCETOC__", "text"],
  ["beyond ASCII", "Ærøskøbing 東京 Ελλάδα 😀", "Ærøskøbing 東京 Ελλάδα 😀"],
];

for (const [name, wikitext, expected] of CASES)
  test(`wikitext: ${name}`, () => assert.equal(proseOf(wikitext), expected));

test("pages full of tables keep their paragraphs and lose their tables", () => {
  const xml = unpack(fixture("enwiki-tables.xml.bz2"));
  const pages = new Pages();
  const found: [string, number, boolean][] = [];
  for (const page of pages.read([{ text: xml, beyond: false }])) {
    prose.read(pages.bytes, page.start, page.end);
    const text = Buffer.from(prose.text.bytes.subarray(0, prose.length)).toString();
    found.push([page.title, wordsOf(text, "fold").length, /\{\||\|\}|\|-|wikitable|colspan|cellpadding/.test(text)]);
  }
  assert.equal(found.length, 5);
  for (const [title, words, table] of found) {
    assert.ok(words > 100, `${title}: ${words} words`);
    assert.ok(!table, `${title} has a table left`);
  }
});

test("no input makes it write beyond its buffer or run for ever", () => {
  const pieces = [
    "{{",
    "}}",
    "{|",
    "|}",
    "[[",
    "]]",
    "|",
    "''",
    "=",
    "\n",
    "<ref>",
    "</ref>",
    "<!--",
    "&",
    "é",
    ":",
    "File:",
  ];
  let state = 7;
  for (let round = 0; round < 300; round++) {
    let text = "";
    for (let i = 0; i < 200; i++) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      text += pieces[(state >>> 16) % pieces.length];
    }
    const { xml, end } = escaped(text);
    prose.read(xml, 0, end);
    assert.ok(prose.length <= end + 16, `${prose.length} of ${end}`);
  }
});

test("a page costs time in proportion to its length, however it is broken", () => {
  // Twenty thousand openings that are never closed: quadratic code would take minutes.
  for (const opening of ["{{", "[[", "<ref>", "{|\n", "<!--", "[http://x ", "{{x\n\n", "<math>x\n\n", "{{{"]) {
    const text = proseOf(`${opening.repeat(20_000)}end`);
    assert.ok(text.length < 200_000);
  }
});

test("words of the sample are as frequent as in wikiextractor's text of the same pages", () => {
  const { cosine, words, apart } = compareCounts(
    countWords(allProse(comparable()).map(({ text }) => text)),
    theirCounts(),
  );
  assert.equal(words, 10_000);
  assert.deepEqual(apart, []);
  assert.ok(cosine > 0.999_999, String(cosine));
});
