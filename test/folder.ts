import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const made: string[] = [];

/** An empty folder of its own, removed when this process ends, unless a test failed: then it can be looked at. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `wit-${name}-`));
  if (made.length === 0) process.on("exit", removeAll);
  made.push(folder);
  return folder;
}

function removeAll(code: number): void {
  if (code === 0) for (const folder of made) rmSync(folder, { recursive: true, force: true });
}
