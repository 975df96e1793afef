import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Reads a folder's SHA256SUMS as sha256sum does, and checks every file it names. */
export function sumsOf(folder: string): Map<string, string> {
  const sums = new Map<string, string>();
  for (const line of readFileSync(join(folder, "SHA256SUMS"), "utf8").trim().split("\n")) {
    const [, sum = "", name = ""] = /^([0-9a-f]{64}) {2}(.+)$/.exec(line) ?? [];
    assert.equal(
      createHash("sha256")
        .update(readFileSync(join(folder, name)))
        .digest("hex"),
      sum,
      `${folder}/${name}`,
    );
    sums.set(name, sum);
  }
  return sums;
}
