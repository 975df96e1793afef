import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TarWriter } from "../../../store/tar.ts";
import { DIGIT_NAMES, drawPair, encode, heldOutDigits, seenDigits, UNSEEN } from "./digits.ts";
import { HANDWRITING, pairName } from "./wordings.ts";

/** Test pictures of each pair that no page shows. */
const EACH = 25;

/**
 * Writes the zero-shot task that belongs to the handwriting site, in CLIP_benchmark's WebDataset layout: 100 classes (all
 * ordered pairs of digits), pictures only of the 20 pairs that no page shows, made of digits that no page shows.
 */
export async function writeHandwritingTask(folder: string): Promise<void> {
  const unfinished = `${folder}.${process.pid}.tmp`;
  mkdirSync(join(unfinished, "test"), { recursive: true });
  const classes = Array.from({ length: 100 }, (_, pair) =>
    pairName(DIGIT_NAMES[Math.floor(pair / 10)] ?? "", DIGIT_NAMES[pair % 10] ?? ""),
  );
  writeFileSync(join(unfinished, "classnames.txt"), `${classes.join("\n")}\n`);
  writeFileSync(join(unfinished, "zeroshot_classification_templates.txt"), `${HANDWRITING.join("\n")}\n`);
  writeFileSync(join(unfinished, "test", "nshards.txt"), "1\n");
  const tar = new TarWriter(join(unfinished, "test", "0.tar"));
  const next = new Array<number>(10).fill(0);
  const take = (digit: number) => {
    const index = next[digit] ?? 0;
    next[digit] = (index + 1) % heldOutDigits(digit);
    return { digit, index: seenDigits(digit) + index };
  };
  for (let i = 0; i < EACH; i++) {
    for (const pair of UNSEEN) {
      const canvas = drawPair(take(Math.floor(pair / 10)), take(pair % 10), ((i * 5) % 13) - 6);
      const key = `${String(pair).padStart(2, "0")}${String(i).padStart(3, "0")}`;
      tar.add(`${key}.cls`, Buffer.from(String(pair)));
      tar.add(`${key}.png`, await encode(canvas, "png"));
    }
  }
  tar.close();
  rmSync(folder, { recursive: true, force: true });
  renameSync(unfinished, folder);
}
