import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ExportedSample } from "./source.ts";

/**
 * Returns a function that writes a sample's picture as a file below `root` and returns its path there; in a folder a
 * shard, so that none grows beyond what file systems like.
 */
export function pictureWriter(root: string): (sample: ExportedSample) => string {
  const folders = new Set<string>();
  return ({ shard, file, picture }) => {
    if (!folders.has(shard)) mkdirSync(join(root, shard), { recursive: true });
    folders.add(shard);
    const name = `${shard}/${file}`;
    writeFileSync(join(root, name), picture());
    return name;
  };
}
