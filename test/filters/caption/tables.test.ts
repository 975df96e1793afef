import assert from "node:assert/strict";
import { test } from "node:test";
import { boilerplate } from "../../../filters/caption/boilerplate.ts";
import { cameraMetadata } from "../../../filters/caption/camera-metadata.ts";
import { cleanCaption } from "../../../filters/caption/clean.ts";
import { markup } from "../../../filters/caption/markup.ts";
import { noLetters } from "../../../filters/caption/no-letters.ts";
import { noDeterminer, noNoun, rareWord } from "../../../filters/caption/part-of-speech.ts";
import { repetition } from "../../../filters/caption/repetition.ts";
import { tooLong } from "../../../filters/caption/too-long.ts";
import { tooShort } from "../../../filters/caption/too-short.ts";
import { englishVocabulary, nounVocabulary } from "../../../filters/caption/vocabulary.ts";
import type { CaptionRule } from "../../../filters/rule.ts";

const words = await englishVocabulary();

/** Real captions that each rule keeps and drops. */
const TABLES: readonly { rule: CaptionRule; keeps: string[]; drops: string[] }[] = [
  {
    rule: cameraMetadata,
    keeps: [
      "Canon EOS 5D Mark II with 24-70mm f/2.8 lens",
      "Samsung Galaxy S9 camera review",
      "85mm lens",
      "ISO 9001 certificate",
      "50 mm bolt",
      "Olympus OM-D on a tripod",
      "1/72 scale model of a Spitfire",
      "Sony headquarters in Tokyo",
      "f/stop explained: a wide and a narrow aperture",
      "digital camera on a wooden table",
    ],
    drops: [
      "OLYMPUS DIGITAL CAMERA",
      "SONY DSC",
      "SAMSUNG CSC",
      "SAMSUNG CAMERA PICTURES",
      "KODAK Digital Still Camera",
      "KONICA MINOLTA DIGITAL CAMERA",
      "f/2.8 1/250s ISO 400",
      "ISO 100, 50mm, f/1.8, 1/125 sec",
      "Canon EOS 7D, f/5.6, 1/500 s, ISO 200, 300 mm",
      "Camera: NIKON D90, Aperture: f/8, Shutter Speed: 1/60s, ISO: 200",
      "Exif_JPEG_PICTURE",
      "Created with GIMP",
      "CREATOR: gd-jpeg v1.0 (using IJG JPEG v62), quality = 90",
      "Processed with VSCO with a6 preset",
      "dav",
      "oznor",
    ],
  },
  {
    rule: boilerplate,
    keeps: [
      "arrow",
      "a placeholder text on a screen",
      "home",
      "Photo of Product Design Week",
      "Image of the Virgin Mary",
      "Click beetle on a leaf",
      "Enlarged heart on an x-ray",
      "No parking sign",
      "Loading dock at night",
    ],
    drops: [
      "click to enlarge",
      "Click here to see larger image",
      "Image may contain: 2 people, people smiling",
      "May be an image of 1 person",
      "photo of product",
      "undefined",
      "null",
      "alt text",
      "[Image]",
      "placeholder",
      "Image 3 of 12",
      "No photo description available.",
      "loading...",
      "Lorem ipsum dolor sit amet",
      "insert image description here",
      "Featured Image",
      "This image has an empty alt attribute; its file name is image-5.png",
      "Powered by WordPress",
      "profile picture",
    ],
  },
  {
    rule: markup,
    keeps: [
      "cats & dogs",
      "5 < 6",
      "AC/DC live",
      "and/or gate",
      "www is a web of documents",
      "He said: hello (twice)",
      "function of the liver",
      "Yahoo.com headquarters in Sunnyvale",
      "a [sic] quotation",
    ],
    drops: [
      '<img src="a.jpg" alt="x">',
      "a <b>bold</b> word",
      "[caption id=1]text[/caption]",
      "{{ product.title }}",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the caption is such a string.
      "${title}",
      "{% block image %}",
      "https://example.org/a.jpg",
      "www.example.org",
      "http://a.example/ http://b.example/",
      "function() { return 1; }",
      "data:image/png;base64,iVBORw0KGgo=",
      "someone@example.org",
      "/uploads/2019/04/cat.jpg",
    ],
  },
  {
    rule: repetition(0.65),
    keeps: [
      "New York, New York",
      "Duran Duran",
      "very very very long cat",
      "a dog and a cat and a bird",
      "Mississippi",
    ],
    drops: [
      "shoes shoes shoes shoes",
      "aaaaaaaa",
      "buy now buy now buy now buy now",
      "cheap watch cheap watch cheap watch",
      "cat, cat, cat, cat",
    ],
  },
  {
    rule: repetition(0.2),
    keeps: ["a red apple on a table", "the cat sat on a mat"],
    drops: ["a dog and a cat and a bird and a fish", "red shoes, blue shoes, green shoes"],
  },
  {
    rule: noLetters,
    keeps: ["a", "é", "日本", "3D"],
    drops: ["", "123", "\u{1f600}\u{1f600}", "--- 12/3 ---", "2019-04-02"],
  },
  {
    rule: tooShort(6, 3),
    keeps: ["a red apple", "one two three"],
    drops: ["", "abcde", "red apple", "a   b", "a b c"],
  },
  { rule: tooLong(40, 5), keeps: ["", "one two three four five"], drops: ["a b c d e f", "x".repeat(41)] },
  { rule: noDeterminer, keeps: ["a cat", "cats on the roof", "My house"], drops: ["cat roof", "theatre", "aardvark"] },
  {
    rule: noNoun(nounVocabulary(), words),
    keeps: ["red apples", "Merkel smiling", "churches"],
    drops: ["quickly and", "of the", ""],
  },
  {
    rule: rareWord(words),
    keeps: ["a red apple", "Angela Merkel", "dog's dinner", "running shoes"],
    drops: ["a qwzrtx on a table", "Xyloprqt"],
  },
];

for (const { rule, keeps, drops } of TABLES) {
  test(`${rule.name}: ${rule.help}`, () => {
    for (const caption of keeps) assert.ok(rule.check(caption).keep, `${caption}: ${rule.check(caption).value}`);
    for (const caption of drops) assert.ok(!rule.check(caption).keep, caption);
  });
}

test("cleaning: entities, mojibake, white space, invisible characters; clean stays clean", () => {
  for (const [raw, clean] of [
    ["a  cat\n on\ta mat ", "a cat on a mat"],
    ["Tom &amp; Jerry", "Tom & Jerry"],
    ["Tom &amp;amp; Jerry", "Tom & Jerry"],
    ["caf&eacute; &#8211; bar", "café – bar"],
    ["cafÃ©", "café"],
    ["itâ€™s", "it’s"],
    ["soft\u00adhyphen zero\u200bwidth", "softhyphen zerowidth"],
    ["5 &lt; 6", "5 < 6"],
    ["AT&T", "AT&T"],
    ["São Paulo", "São Paulo"],
    ["\ud800 lone", "\ufffd lone"],
    ["", ""],
  ] as const) {
    assert.equal(cleanCaption(raw), clean);
    assert.equal(cleanCaption(clean), clean);
  }
});
