import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { type KeyBytes, keyBytes } from "./byte-table.ts";

/** Calls `word` for each line `word <tab> count` of a part's results, without making strings. */
export function forEachWord(
  file: string,
  word: (keys: KeyBytes, start: number, end: number, count: number) => void,
): void {
  const keys = readKeys(file);
  const { bytes } = keys;
  for (let at = 0; bytes[at] !== 0; ) {
    const start = at;
    while (bytes[at] !== 9 && bytes[at] !== 0) at++;
    const end = at++;
    let count = 0;
    for (let digit = bytes[at] as number; digit >= 48; digit = bytes[++at] as number) count = count * 10 + digit - 48;
    at++;
    word(keys, start, end, count);
  }
}

/** A whole file; zeros follow its last byte. */
function readKeys(file: string): KeyBytes {
  const fd = openSync(file, "r");
  try {
    const { size } = fstatSync(fd);
    const keys = keyBytes(size);
    for (let at = 0; at < size; ) {
      const count = readSync(fd, keys.bytes, at, size - at, null);
      if (count === 0) break;
      at += count;
    }
    return keys;
  } finally {
    closeSync(fd);
  }
}
