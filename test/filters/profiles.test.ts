import assert from "node:assert/strict";
import { test } from "node:test";
import { judge, loadCaptionRules } from "../../filters/caption/rules.ts";
import { rulesHelp } from "../../filters/help.ts";
import { PROFILES, profileNamed } from "../../filters/profiles.ts";
import { REASONS } from "../../store/reasons.ts";

test("each rule of each profile has its reason and its line of help", async () => {
  const known: Record<string, string> = REASONS.caption;
  const asked = new Set<string>();
  for (const { captions } of Object.values(PROFILES)) {
    for (const { name, help } of [...(await loadCaptionRules(captions)), ...(await loadCaptionRules(captions, "de"))]) {
      assert.equal(known[name], help, name);
      asked.add(name);
    }
  }
  assert.deepEqual([...asked].sort(), Object.keys(known).sort());
  for (const name of [...Object.keys(PROFILES), ...asked]) assert.match(rulesHelp(), new RegExp(`^ {2}${name} `, "m"));
});

test("the published rules on the same captions", async () => {
  const captions = {
    name: "IMG_20190402_101112.jpg",
    two: "red apple",
    sentence: "A red apple on the wooden table",
    tags: "red apple table wood fruit kitchen",
    german: "Ein roter Apfel auf dem Tisch",
    long: "the small brown dog and the big black cat sat on a mat near the old house by the river in spring",
  };
  const expected = {
    clip: ["auto_name", null, null, null, "not_english", null],
    laion: ["not_english", null, null, null, "not_english", null],
    datacomp: ["too_short", "too_short", null, null, "not_english", null],
    coyo: ["too_short", "too_short", null, null, "not_english", null],
    cc3m: ["too_short", "too_short", null, "no_determiner", "no_determiner", null],
    cc12m: ["too_short", "too_short", null, null, "rare_word", null],
    align: ["too_short", "too_short", null, null, "rare_word", "too_long"],
    metaclip: ["not_english", null, null, null, "not_english", null],
  };
  for (const [name, reasons] of Object.entries(expected)) {
    const rules = await loadCaptionRules(profileNamed(name).captions);
    const found = Object.values(captions).map((caption) => judge(rules, caption)?.rule.name ?? null);
    assert.deepEqual(found, reasons, name);
  }
  assert.deepEqual(Object.keys(expected), Object.keys(PROFILES));
  assert.throws(() => profileNamed("toString"), /--profile toString: expected one of clip, laion/);
});
