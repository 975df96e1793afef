/**
 * `npm run bench:train`: the trainer's step and loader beside open_clip 3.3.0 and webdataset, in the same process, in turn,
 * on one thread, in CPU seconds. The first run makes bench/.venv-train (a minute, 1 GB).
 */
import { spawnSync } from "node:child_process";
import { ensureVenv } from "../store/python.ts";

interface StepRow {
  captions: string;
  precision: string;
  open_clip: number;
  ours: number;
}

interface DecodingRow {
  pictures: string;
  bytes: number;
  open_clip: number;
  ours: number;
  "ours, normalised": number;
}

interface Steps {
  rows: StepRow[];
  open_clip: string;
  torch: string;
}

interface Loading {
  decoding: DecodingRow[];
  difference: number;
  tar: { webdataset: number; ours: number; "ours, index built": number };
  webdataset: string;
}

const python = ensureVenv("bench/.venv-train", "bench/train-requirements.txt", (text) => console.error(text));

function measure<T>(script: string): T {
  const { status, stdout } = spawnSync(python, [`bench/${script}`], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, PYTHONPATH: "train", OMP_NUM_THREADS: "1", TOKENIZERS_PARALLELISM: "false" },
  });
  if (status !== 0) throw new Error(`bench/${script} failed: see its message above`);
  return JSON.parse(stdout) as T;
}

const ratio = (ours: number, theirs: number) => `${(ours / theirs).toFixed(2)}x`;

const loading = measure<Loading>("train_loader.py");
console.log(`pictures a CPU second, decoded, cut and resized to 224`);
const asTheyCome = loading.decoding[0]?.open_clip ?? Number.NaN;
for (const row of loading.decoding) {
  console.log(
    `  ${row.pictures.padEnd(15)} ${(row.bytes / 1000).toFixed(0).padStart(4)} kB  open_clip ${row.open_clip.toFixed(0).padStart(5)}` +
      `  ours ${row.ours.toFixed(0).padStart(5)}  ${ratio(row.ours, row.open_clip)}` +
      `  (normalised on the CPU too ${ratio(row["ours, normalised"], row.open_clip)}; against open_clip on 500x375 ${ratio(row.ours, asTheyCome)})`,
  );
}
console.log(`  largest difference of a pixel to Pillow's: ${loading.difference} of 255`);
console.log(
  `microseconds a sample for the bytes of a tar: webdataset ${loading.webdataset} ${loading.tar.webdataset.toFixed(1)}, ours ` +
    `${loading.tar.ours.toFixed(1)} in random order (and once ${loading.tar["ours, index built"].toFixed(1)} for the index)`,
);
const steps = measure<Steps>("train_step.py");
console.log(`samples a CPU second, one optimizer step, open_clip ${steps.open_clip}, torch ${steps.torch}`);
for (const row of steps.rows) {
  console.log(
    `  ${row.captions.padEnd(24)} ${row.precision}  open_clip ${row.open_clip.toFixed(1).padStart(5)}  ours ${row.ours.toFixed(1).padStart(5)}  ` +
      ratio(row.ours, row.open_clip),
  );
}
