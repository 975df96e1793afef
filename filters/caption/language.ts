import { UsageError } from "../../store/usage-error.ts";
import { type CaptionRule, drop, KEEP, type Verdict } from "../rule.ts";
import { loadLanguageModel, modelFile } from "./fasttext.ts";
import { Tokens } from "./tokens.ts";
import { englishVocabulary, type Vocabulary } from "./vocabulary.ts";

/**
 * English when  known + 0.08 ln((p(en) + 0.01) / (p(other) + 0.01)) + 0.15 ln(n / 7) >= 0.88,
 * with the known fraction of the caption's n different words (n between 7 and 20) and fastText's probabilities of English
 * and of the likeliest other language. Captions have four words, too few for a detector alone (fastText at p >= 0.6 keeps
 * half of the English ones); the more words there are, the less a fraction is chance. Weights and threshold were chosen on
 * half of the texts of `npm run bench:language` (Unicode's emoji names, Wikipedia, Django's translations); decision 022 has
 * what the rule keeps and lets through of the other half.
 */
const WEIGHT = 0.08;
const FLOOR = 0.01;
const THRESHOLD = 0.88;
const PER_WORDS = 0.15;
const FEW = 7;
const MANY = 20;
/** The most that fastText can add; with fewer known words it need not be asked. */
const MOST = WEIGHT * Math.log((1 + FLOOR) / FLOOR);
/** Another language than English has no vocabulary here: it must be fastText's best guess with this probability. */
const OTHER_LANGUAGE = 0.3;

/**
 * The rule for a language.
 * @param language fastText's code ("en", "de", "ja", ...).
 * @throws UsageError when the model does not know it.
 */
export async function loadLanguageRule(language = "en", vocabulary?: Vocabulary): Promise<CaptionRule> {
  const model = loadLanguageModel(modelFile());
  const wanted = model.languages.indexOf(language);
  if (wanted < 0) {
    throw new UsageError(`--lang ${language}: expected any or one of ${[...model.languages].sort().join(" ")}`);
  }
  if (language !== "en") return otherLanguageRule(language, wanted, new Tokens(model));
  const tokens = new Tokens(model, vocabulary ?? (await englishVocabulary()));
  return {
    name: "not_english",
    help: "not English, by its words and by fastText's language model",
    check(caption) {
      tokens.read(caption);
      const { words } = tokens;
      const known = words < FEW ? tokens.known : tokens.known - tokens.functionWords;
      const evidence = known / Math.max(1, words) + PER_WORDS * Math.log(Math.min(Math.max(words, FEW), MANY) / FEW);
      if (evidence + MOST < THRESHOLD) return drop(`${known} of ${words} words known`);
      tokens.average();
      const english = tokens.probability(wanted);
      // An other language is only looked for where it can change the verdict.
      const enough = (english + FLOOR) / Math.exp((THRESHOLD - evidence) / WEIGHT) - FLOOR;
      const { language, probability } = model.likeliest(wanted, tokens.mean, Math.max(enough, 0));
      if (language < 0 && enough > 0) return KEEP;
      return drop(
        `${known} of ${words} words known, en ${english.toFixed(2)}, ${model.languages[language] ?? "others"} ${probability.toFixed(2)}`,
      );
    },
  };
}

function otherLanguageRule(code: string, wanted: number, tokens: Tokens): CaptionRule {
  const check = (caption: string): Verdict => {
    tokens.read(caption);
    tokens.average();
    const own = tokens.probability(wanted);
    const { language, probability } = tokens.model.likeliest(wanted, tokens.mean, own);
    if (own >= OTHER_LANGUAGE && language < 0) return KEEP;
    return drop(
      `${code} ${own.toFixed(2)}${language < 0 ? "" : `, ${tokens.model.languages[language]} ${probability.toFixed(2)}`}`,
    );
  };
  return { name: "other_language", help: "not in the language of --lang, by fastText's language model", check };
}
