import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Installs packages of Debian, on a machine made for tests only: anywhere else nothing is installed unasked.
 * @param there whether what they bring is there.
 * @returns a sentence that says why not, when it cannot be had here.
 * @throws Error instead, where CI=true.
 */
export function debianPackages(packages: readonly string[], there: () => boolean): string | undefined {
  if (there()) return undefined;
  const command = `apt-get update -q && apt-get install -q -y --no-install-recommends ${packages.join(" ")}`;
  const missing = `missing: ${command}`;
  if (process.env["CI"] !== "true") return missing;
  console.log(missing);
  // One at a time: apt-get does not wait for another one, and tests run side by side.
  const { status } = spawnSync("flock", [join(tmpdir(), "wit-apt-get.lock"), "sh", "-c", command], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  if (status !== 0 || !there()) throw new Error(`cannot be installed: ${command}`);
  return undefined;
}

/** Whether there is a program of this name, also where only the administrator looks. */
export function hasProgram(name: string): boolean {
  return spawnSync("sh", ["-c", `PATH="$PATH:/usr/sbin:/sbin" command -v ${name}`]).status === 0;
}
