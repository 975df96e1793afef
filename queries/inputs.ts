// As one object: an older Node, which is told so in one line, could not even link the name globSync.
import fs, { existsSync, statSync } from "node:fs";
import { basename, resolve } from "node:path";
import { UsageError } from "../store/usage-error.ts";

/** Wikimedia's own server of dumps. */
export const MIRROR = "https://dumps.wikimedia.org";

/** Whether an input is to be fetched. */
export function isUrl(text: string): boolean {
  return /^https?:\/\//i.test(text);
}

/**
 * The files that names and globs stand for, in natural order (multistream2 before multistream10), each once.
 * @throws UsageError naming the option and what it does not find.
 */
export function expandFiles(option: string, patterns: readonly string[]): string[] {
  const files = new Set<string>();
  for (const pattern of patterns) {
    const found = existsSync(pattern) ? [pattern] : fs.globSync(pattern);
    if (found.length === 0) throw new UsageError(`${option} ${pattern}: no such file`);
    for (const file of found) {
      if (statSync(file).isDirectory())
        throw new UsageError(`${option} ${file}: is a folder; name its files, e.g. '${file}/*.bz2'`);
      files.add(resolve(file));
    }
  }
  return [...files].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
}

/**
 * The files of one dump: indexes are left out.
 * @throws UsageError when the same pages would be counted twice.
 */
export function dumpFiles(patterns: readonly string[]): string[] {
  const files = expandFiles("--dump", patterns).filter((file) => !/-index\d*\.txt/.test(basename(file)));
  if (files.length === 0)
    throw new UsageError(`--dump ${patterns.join(" ")}: only an index; the dump ends in .xml.bz2`);
  const kinds = new Map<string, string>();
  for (const file of files) {
    const name = basename(file);
    // enwiki-20240101-pages-articles[-multistream][1].xml[-p1p41242].bz2
    const [, wiki, multistream = "", part] = /^(.+)-pages-articles(-multistream)?(\d*)\.xml/.exec(name) ?? [];
    if (!wiki) continue;
    const kind = `${multistream}${part ? " in parts" : " whole"}`;
    const other = kinds.get(wiki.replace(/-\d{8}$/, ""));
    if (other !== undefined && other !== kind)
      throw new UsageError(
        `--dump: ${name} holds pages that another of the files holds too; name one form of the dump`,
      );
    kinds.set(wiki.replace(/-\d{8}$/, ""), kind);
  }
  return files;
}
