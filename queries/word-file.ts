import { readFileSync } from "node:fs";
import { HASH_PRIME, HASH_SEED } from "./byte-table.ts";

/** Calls `word` for each line `word <tab> count` of a part's results, without making strings. */
export function forEachWord(
  file: string,
  word: (bytes: Uint8Array, start: number, end: number, hash: number, count: number) => void,
): void {
  const bytes: Uint8Array = readFileSync(file);
  for (let at = 0; at < bytes.length; ) {
    const start = at;
    let hash = HASH_SEED;
    let byte = bytes[at] as number;
    while (byte !== 9 && at < bytes.length) {
      hash = Math.imul(hash ^ byte, HASH_PRIME);
      byte = bytes[++at] as number;
    }
    const end = at++;
    let count = 0;
    for (let digit = bytes[at] as number; digit >= 48; digit = bytes[++at] as number) count = count * 10 + digit - 48;
    at++;
    word(bytes, start, end, hash, count);
  }
}
