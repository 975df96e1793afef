import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { debianPackages } from "./servers/debian.ts";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Where screenshots go, to be looked at. */
const SHOTS = process.env["WIT_SCREENSHOTS"] ?? "test/screenshots";

/** Starts this machine's Chromium; undefined, with a line that says so, where there is none and none may be installed. */
export async function launchChromium(): Promise<Browser | undefined> {
  const find = () => PLACES.find((place) => existsSync(place));
  // With letters that every machine has.
  const missing = debianPackages(["chromium", "fonts-dejavu-core"], () => find() !== undefined);
  if (missing !== undefined) console.log(`skipped, Chromium is ${missing}`);
  const executablePath = find();
  if (executablePath === undefined) return undefined;
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
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
