import assert from "node:assert/strict";
import { resolve } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { writeReport } from "../../../store/report/report.ts";
import { launchChromium, overflows, picturesDrawn, screenshot, watchedPage } from "../../chromium.ts";
import { addDroppedHostile, builtWorkspace } from "../built-workspace.ts";

test("the report in Chromium, from a file: pictures and plots are drawn, nothing runs or is asked for", async (t) => {
  const chromium = await launchChromium();
  if (!chromium) return t.skip("no Chromium");
  t.after(() => chromium.close());
  const { db, data } = await builtWorkspace(t);
  addDroppedHostile(db);
  const address = pathToFileURL(resolve((await writeReport(db, data)).file)).href;
  for (const [name, options] of [
    ["light", {}],
    ["dark", { dark: true }],
    ["phone", { width: 390 }],
  ] as const) {
    const { page, misdeeds } = await watchedPage(chromium, address, options);
    await page.goto(address);
    assert.equal(await overflows(page), false, name);
    // What is folded up is opened by the keyboard.
    const summary = page.locator(".more summary").first();
    if ((await summary.count()) > 0) {
      await summary.focus();
      await page.keyboard.press("Enter");
      assert.equal(await page.locator(".more details[open]").count(), 1);
    }
    const { drawn, broken } = await picturesDrawn(page);
    assert.ok(drawn > 20 && broken === 0, `${drawn} drawn, ${broken} broken`);
    // Of each plot the drawing for this width, and only that.
    const shown = name === "phone" ? "narrow" : "wide";
    const plots = await page.locator("svg:visible").all();
    assert.ok(plots.length >= 8, `${plots.length} plots`);
    assert.equal(await page.locator(`svg.${shown}`).count(), plots.length);
    for (const plot of plots) {
      assert.equal(await plot.getAttribute("class"), `plot ${shown}`);
      assert.ok(((await plot.boundingBox())?.width ?? 0) > 300);
    }
    const curve = await page.locator("#balance svg:visible [aria-label=line] path").first().boundingBox();
    assert.ok(curve && curve.width > 50 && curve.height > 10, JSON.stringify(curve));
    for (const bar of await page.locator("#funnel svg:visible [aria-label=bar] rect").all())
      assert.ok(((await bar.boundingBox())?.width ?? 0) > 0);
    assert.equal(await page.evaluate("document.querySelectorAll('script').length"), 0);
    await screenshot(page, `report-${name}`);
    assert.deepEqual(misdeeds, { errors: [], strangers: [] }, name);
    await page.context().close();
  }
});
