import assert from "node:assert/strict";
import { test } from "node:test";
import { startBrowser } from "../../../store/browse/server.ts";
import { launchChromium, overflows, picturesDrawn, screenshot, watchedPage } from "../../chromium.ts";
import { builtWorkspace } from "../built-workspace.ts";

test("in Chromium: pictures are drawn, the keyboard does everything, nothing runs, nothing leaves the machine", async (t) => {
  const chromium = await launchChromium();
  if (!chromium) return t.skip("no Chromium");
  t.after(() => chromium.close());
  const { db, data } = await builtWorkspace(t);
  const browser = await startBrowser(data, 0);
  t.after(() => browser.close());
  for (const [name, options] of [
    ["light", {}],
    ["dark", { dark: true }],
    ["phone", { width: 390 }],
  ] as const) {
    const { page, misdeeds } = await watchedPage(chromium, browser.address, options);
    for (const path of ["queries", "pairs?query=cat&state=kept", "pairs?state=dropped"]) {
      await page.goto(browser.address + path);
      assert.equal(await overflows(page), false, `${name} ${path}`);
      await screenshot(page, `browse-${path.replace(/\W+/g, "-")}-${name}`);
    }
    await page.goto(`${browser.address}pairs?query=cat&state=kept`);
    const { drawn, broken } = await picturesDrawn(page);
    assert.ok(drawn > 10 && broken === 0, `${drawn} drawn, ${broken} broken`);
    await page.goto(
      `${browser.address}pair/${db.prepare("SELECT id FROM pair WHERE caption LIKE '%owned%'").pluck().get()}`,
    );
    assert.notEqual(await page.title(), "owned");
    assert.equal(await page.locator("h1 script, h1 img").count(), 0);
    await screenshot(page, `browse-pair-${name}`);
    assert.deepEqual(misdeeds, { errors: [], strangers: [] }, name);
    await page.context().close();
  }
});

test("in Chromium: search, open and mark with the keyboard alone", async (t) => {
  const chromium = await launchChromium();
  if (!chromium) return t.skip("no Chromium");
  t.after(() => chromium.close());
  const { data } = await builtWorkspace(t);
  const browser = await startBrowser(data, 0);
  t.after(() => browser.close());
  const { page, misdeeds } = await watchedPage(chromium, browser.address);
  await page.goto(`${browser.address}queries`);
  // The search field has the focus.
  await page.locator("input[name=q]:focus").waitFor();
  await page.keyboard.type("steam");
  await page.keyboard.press("Enter");
  await page.waitForURL(/q=steam/);
  await page.locator("input[name=q]:focus").waitFor();
  await page.keyboard.press("Tab"); // the button
  await page.keyboard.press("Tab"); // the table scrolls
  await page.keyboard.press("Tab"); // the query
  await page.keyboard.press("Enter");
  await page.waitForURL(/pairs\?query=steam/);
  await page.locator(".pairs a").first().focus();
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/pair\//);
  await page.locator("button", { hasText: "mark" }).focus();
  await page.keyboard.press("Enter");
  await page.locator("button[aria-pressed=true]").waitFor();
  await page.goto(`${browser.address}marked`);
  assert.equal(await page.locator(".pairs li").count(), 1);
  await screenshot(page, "browse-marked");
  assert.deepEqual(misdeeds, { errors: [], strangers: [] });
});
