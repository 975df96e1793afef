import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { getLIDModel } from "fasttext.wasm.js";
import { loadLanguageModel, modelFile } from "../../../filters/caption/fasttext.ts";
import { loadLanguageRule } from "../../../filters/caption/language.ts";

const FOLDER = join(dirname(fileURLToPath(import.meta.resolve("cldr-annotations-full/package.json"))), "annotations");

interface Annotations {
  annotations: { annotations?: Record<string, { tts?: string[]; default?: string[] }> };
}

/** Emoji names and keyword lists of a locale. */
function annotations(locale: string): string[] {
  const file: Annotations = JSON.parse(readFileSync(join(FOLDER, locale, "annotations.json"), "utf8"));
  return Object.values(file.annotations.annotations ?? {}).flatMap(({ tts = [], default: keywords }) =>
    keywords ? [...tts, keywords.join(", ")] : tts,
  );
}

/** The half of the texts that weight and threshold were not chosen on. */
const heldOut = (text: string) =>
  Number.parseInt(createHash("md5").update(text).digest("hex").slice(0, 1), 16) % 2 === 1;
const words = (text: string) => text.match(/[\p{L}\p{M}]+(?:['’][\p{L}\p{M}]+)*/gu)?.length ?? 0;

test("the model over typed arrays gives fastText's own probabilities", async () => {
  const model = loadLanguageModel(modelFile());
  const reference = await (await getLIDModel()).load();
  const english = model.languages.indexOf("en");
  const texts = ["en", "de", "ru", "ja", "cy", "hi", "ar"].flatMap((locale) => annotations(locale).slice(200, 240));
  for (const text of [...texts, "a", "!!!", "\u{1f600}"].map((text) => text.toLowerCase())) {
    const sum = new Float32Array(model.dimension);
    let vectors = model.addEnd(sum);
    for (const token of text.split(" ")) vectors += model.addToken(token, sum, 0);
    const mean = sum.map((value) => value / vectors);
    const ours = new Map([["en", model.probability(english, mean)]]);
    const { language, probability } = model.likeliest(english, mean, 0);
    ours.set(model.languages[language] ?? "", probability);
    const theirs = new Map<string, number>();
    const list = reference.predict(text, 176, 0);
    for (let i = 0; i < list.size(); i++) theirs.set(list.get(i)[1].replace("__label__", ""), list.get(i)[0]);
    list.delete();
    const best = [...theirs].filter(([code]) => code !== "en").sort((a, b) => b[1] - a[1])[0];
    assert.ok(Math.abs((best?.[1] ?? 0) - probability) < 1e-3, `${text}: ${best} ${[...ours]}`);
    for (const [code, own] of ours)
      assert.ok(Math.abs((theirs.get(code) ?? 0) - own) < 1e-3, `${text}: ${code} ${own}`);
  }
});

test("emoji names and keywords in 100 languages, the held-out half: 93 % of the English, 1 % of the others at most", async () => {
  const rule = await loadLanguageRule();
  const english = new Set(annotations("en").map((text) => text.toLowerCase()));
  const kept = { english: 0, others: 0 };
  const all = { english: 0, others: 0 };
  for (const locale of readdirSync(FOLDER).sort()) {
    if (/^(en-|und|root|sco)/.test(locale)) continue;
    const language = locale === "en" ? "english" : "others";
    for (const text of new Set(annotations(locale))) {
      if (language === "others" && english.has(text.toLowerCase())) continue; // Not translated.
      if (!heldOut(text) || words(text) < 3 || words(text) > 6) continue;
      all[language]++;
      if (rule.check(text).keep) kept[language]++;
    }
  }
  const recall = kept.english / all.english;
  const leaks = kept.others / all.others;
  assert.ok(all.english > 500 && all.others > 50_000);
  assert.ok(recall >= 0.93 && leaks <= 0.01, `${recall} of ${all.english} kept, ${leaks} of ${all.others} let through`);
});

test("English and not", async () => {
  const rule = await loadLanguageRule();
  const keeps = [
    "dog",
    "Eiffel Tower",
    "a cat on a mat",
    "BMW M3 at the Nürburgring",
    "women's running shoes",
    "Angela Merkel in Berlin",
    "sunset over the sea",
  ];
  const drops = [
    "ein roter Apfel auf dem Tisch",
    "pomme rouge sur la table",
    "красное яблоко",
    "赤いリンゴ",
    "czerwone jabłko",
    "maçã vermelha",
    "piros alma az asztalon",
  ];
  for (const text of keeps) assert.ok(rule.check(text).keep, text);
  for (const text of drops) assert.ok(!rule.check(text).keep, text);
  assert.match(rule.check("ein roter Apfel auf dem Tisch").value, /words known/);
  assert.equal(typeof rule.check("x ".repeat(100_000)).keep, "boolean");
});

test("--lang: another language, by the model alone; an unknown code is refused with the known ones", async () => {
  const rule = await loadLanguageRule("de");
  assert.equal(rule.name, "other_language");
  assert.ok(rule.check("ein roter Apfel auf dem Tisch").keep);
  assert.ok(!rule.check("a red apple on a table").keep);
  await assert.rejects(loadLanguageRule("xx"), /--lang xx: expected any or one of .*\bde\b.*\ben\b/);
});
