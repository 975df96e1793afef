import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** An empty folder of its own, removed when this process ends, unless a test failed: then it can be looked at. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `wit-${name}-`));
  process.on("exit", (code) => {
    if (code === 0) rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}
