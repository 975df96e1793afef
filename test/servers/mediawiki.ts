import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { appendFileSync, existsSync, globSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { temporaryFolder } from "../folder.ts";
import { freePort } from "./free-port.ts";

/** A picture of the wiki: its file name, bytes, and its page's wikitext. */
export interface WikiPicture {
  name: string;
  bytes: Buffer;
  text: string;
}

/** A running MediaWiki. */
export interface MediaWiki {
  /** Its api.php. */
  address: string;
  version: string;
  close: () => void;
}

const PHP = ["php-cli", "php-sqlite3", "php-mbstring", "php-xml", "php-intl", "php-gd"];
const MODULES = ["pdo_sqlite", "mbstring", "xml", "intl", "gd"];

/**
 * Installs PHP where it is missing, unpacks Debian's MediaWiki into a folder of its own, fills it and starts it with
 * PHP's server. Needs Debian; for installing, root.
 * @returns a sentence that says why not, when it cannot be had here.
 */
export async function startMediaWiki(pictures: readonly WikiPicture[]): Promise<MediaWiki | string> {
  const missing = installPhp();
  if (missing) return missing;
  const folder = temporaryFolder("mediawiki");
  const wiki = join(folder, "wiki");
  try {
    execFileSync("apt-get", ["download", "-q", "mediawiki", "mediawiki-classes"], { cwd: folder, stdio: "pipe" });
  } catch (error) {
    return `Debian's mediawiki cannot be downloaded: ${String((error as Error).message)
      .split("\n")
      .at(-1)}`;
  }
  for (const name of ["mediawiki_*.deb", "mediawiki-classes_*.deb"])
    for (const file of globSync(name, { cwd: folder })) execFileSync("dpkg-deb", ["-x", file, "tree"], { cwd: folder });
  const port = await freePort();
  // Links that lead out of the tree point to what a package's scripts would have made.
  execFileSync("sh", ["-c", "cp -rL tree/usr/share/mediawiki wiki 2>/dev/null; true"], { cwd: folder });
  for (const name of ["images", "extensions", "../data", "../pictures"])
    mkdirSync(join(wiki, name), { recursive: true });
  const php = (...args: string[]) => execFileSync("php", args, { cwd: wiki, stdio: "pipe", encoding: "utf8" });
  php(
    ...["maintenance/install.php", "--dbtype", "sqlite", "--dbpath", join(folder, "data"), "--dbname", "wiki"],
    ...["--server", `http://127.0.0.1:${port}`, "--scriptpath", "", "--pass", "a-long-test-password", "Test", "Admin"],
  );
  appendFileSync(
    join(wiki, "LocalSettings.php"),
    "\n$wgEnableUploads = true;\n$wgUseImageMagick = false;\n$wgJobRunRate = 0;\n$wgFileExtensions[] = 'svg';\n",
  );
  for (const { name, bytes, text } of pictures) {
    writeFileSync(join(folder, "pictures", name), bytes);
    writeFileSync(join(folder, "pictures", name.replace(/\.\w+$/, ".txt")), text);
  }
  php("maintenance/importImages.php", "--comment-ext=txt", join(folder, "pictures"), "png", "jpg");
  php("maintenance/rebuildtextindex.php");
  php("maintenance/runJobs.php");
  const server = spawn("php", ["-q", "-S", `127.0.0.1:${port}`], {
    cwd: wiki,
    stdio: "ignore",
    env: { ...process.env, PHP_CLI_SERVER_WORKERS: "2" },
    // Its workers are a group of their own, which ends as one.
    detached: true,
  });
  const close = () => end(server);
  const address = `http://127.0.0.1:${port}/api.php`;
  for (let tries = 0; tries < 300; tries++) {
    const answer = await fetch(`${address}?action=query&meta=siteinfo&format=json`).catch(() => undefined);
    if (answer?.ok) {
      const { query } = (await answer.json()) as { query: { general: { generator: string } } };
      return { address, version: query.general.generator, close };
    }
    await sleep(200);
  }
  close();
  throw new Error("MediaWiki does not answer");
}

function end(server: ChildProcess): void {
  try {
    if (server.pid !== undefined) process.kill(-server.pid);
  } catch {
    // It ended by itself.
  }
}

/** Why PHP cannot be had, or undefined when it is there. */
function installPhp(): string | undefined {
  const modules = () => {
    try {
      return execFileSync("php", ["-m"], { encoding: "utf8", stdio: "pipe" }).toLowerCase().split("\n");
    } catch {
      return [];
    }
  };
  const there = modules();
  if (MODULES.every((name) => there.includes(name))) return undefined;
  if (!existsSync("/usr/bin/apt-get")) return "this is no Debian, and PHP is missing";
  if (process.getuid?.() !== 0) return `PHP is missing, and only root can install it: apt-get install ${PHP.join(" ")}`;
  try {
    execFileSync("apt-get", ["update", "-qq"], { stdio: "pipe" });
    execFileSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...PHP], {
      stdio: "pipe",
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
  } catch (error) {
    return `PHP cannot be installed: ${String((error as Error).message)
      .split("\n")
      .at(-1)}`;
  }
  return undefined;
}
