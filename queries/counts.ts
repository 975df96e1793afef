import { readLines } from "../store/lines.ts";

/** 105,966 words of English Wikipedia (2012) with their occurrences; origin and licence in queries/data/README.md. */
export const EMBEDDED_COUNTS = new URL("./data/enwiki-2012-words.tsv.gz", import.meta.url);

/** A file that could not be understood; the message names the file and line. */
export class CountsError extends Error {}

/**
 * Word counts from a list with one `word count` a line (tab, comma or spaces between).
 * Words are lower-cased and NFC; counts of spellings that fall together are added.
 * @throws CountsError naming file and line when a line is not of that form.
 */
export async function readCounts(file: string | URL): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  let number = 0;
  try {
    for await (const line of readLines(file)) {
      number++;
      // Most lines need no more than this.
      const plain = /^([a-z0-9]+)[\t, ](\d+)$/.exec(line);
      if (plain?.[1]) {
        counts.set(plain[1], (counts.get(plain[1]) ?? 0) + Number(plain[2]));
        continue;
      }
      if (line.trim() === "") continue;
      const fields = /^(.*\S)[\t, ]\s*(\d+)\s*$/.exec(line);
      if (!fields?.[1] || !fields[2]) {
        throw new CountsError(`${name(file)}:${number}: expected "word count", got "${line.slice(0, 60)}"`);
      }
      const word = fields[1].trim().toLowerCase().normalize("NFC");
      counts.set(word, (counts.get(word) ?? 0) + Number(fields[2]));
    }
  } catch (error) {
    if (error instanceof CountsError) throw error;
    throw new CountsError(`${name(file)}: ${(error as Error).message}`);
  }
  if (counts.size === 0)
    throw new CountsError(`${name(file)}: no counts in it; expected a line "word count" for each word`);
  return counts;
}

function name(file: string | URL): string {
  return file instanceof URL ? decodeURIComponent(file.pathname) : file;
}
