import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
/** Debian's package, with letters that every machine has. */
const INSTALL = "apt-get update && apt-get install -y --no-install-recommends chromium fonts-dejavu-core";

/** Where screenshots go, to be looked at. */
const SHOTS = process.env["WIT_SCREENSHOTS"] ?? "test/screenshots";

/** Starts this machine's Chromium; undefined, with a line that says so, where there is none and none may be installed. */
export async function launchChromium(): Promise<Browser | undefined> {
  const found = PLACES.find((place) => existsSync(place)) ?? install();
  if (found) return chromium.launch({ executablePath: found, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  if (process.env["CI"] === "true") throw new Error(`Chromium is missing: ${INSTALL}`);
  console.log(`skipped, Chromium is missing: ${INSTALL}`);
  return undefined;
}

/** Only on a machine made for tests: on anyone else's nothing is installed unasked. */
function install(): string | undefined {
  if (process.env["CI"] !== "true" || process.getuid?.() !== 0 || spawnSync("apt-get", ["--version"]).status !== 0)
    return undefined;
  console.log(`Chromium is missing: ${INSTALL}`);
  spawnSync("sh", ["-c", INSTALL], { stdio: ["ignore", "ignore", "inherit"] });
  return PLACES.find((place) => existsSync(place));
}

/** What a page must not do. */
export interface Misdeeds {
  /** Errors of scripts and of the console: refused by the policy, not found, ... */
  errors: string[];
  /** Requests to anywhere but `origin`. */
  strangers: string[];
}

/** Opens a page that keeps a list of its misdeeds. */
export async function watchedPage(
  browser: Browser,
  origin: string,
  options: { dark?: boolean; width?: number } = {},
): Promise<{ page: Page; misdeeds: Misdeeds }> {
  const context = await browser.newContext({
    colorScheme: options.dark ? "dark" : "light",
    viewport: { width: options.width ?? 1280, height: 900 },
    deviceScaleFactor: 1,
  });
  context.setDefaultTimeout(120_000); // The machine may have much else to do.
  const page = await context.newPage();
  const misdeeds: Misdeeds = { errors: [], strangers: [] };
  page.on("pageerror", (error) => misdeeds.errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") misdeeds.errors.push(message.text());
  });
  page.on("dialog", (dialog) => {
    misdeeds.errors.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !url.startsWith("data:")) misdeeds.strangers.push(url);
  });
  return { page, misdeeds };
}

/** Saves what a page looks like, whole. */
export async function screenshot(page: Page, name: string): Promise<void> {
  mkdirSync(SHOTS, { recursive: true });
  await picturesDrawn(page); // Those below the window wait to be scrolled to.
  await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
}

/** How many of a page's pictures are drawn, and how many are not. */
export async function picturesDrawn(page: Page): Promise<{ drawn: number; broken: number }> {
  // Lazy ones are asked for first.
  await page.evaluate("document.querySelectorAll('img').forEach((image) => { image.loading = 'eager'; })");
  await page.evaluate("Promise.all([...document.images].map((image) => image.decode().catch(() => undefined)))");
  return page.evaluate(
    "({ drawn: [...document.images].filter((image) => image.naturalWidth > 0).length, broken: [...document.images].filter((image) => image.naturalWidth === 0).length })",
  );
}

/** Whether the page is wider than its window: something would have to be scrolled sideways. */
export async function overflows(page: Page): Promise<boolean> {
  return page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth");
}
