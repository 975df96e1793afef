/**
 * How fast a Parquet list becomes candidates: read, decoded, addresses normalised, captions cleaned; against pyarrow, which
 * only decodes the same columns into Python strings. One process a side, CPU seconds, the same file.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HttpClient } from "../crawler/http.ts";
import { readUrlList } from "../crawler/sources/url-list.ts";
import manifest from "../package.json" with { type: "json" };
import { closeDatabase, openDatabase } from "../store/database.ts";
import { ensureVenv } from "../store/python.ts";

const ROWS = Number(process.argv[2] ?? 1_000_000);
const python = ensureVenv("bench/.venv-lists", "bench/lists-requirements.txt", console.error);
const folder = mkdtempSync(join(tmpdir(), "wit-bench-lists-"));

/** A list as LAION has it; words by rank so that it compresses like text. One row group, so that memory is tried too. */
const MAKE = `
import sys, random, pyarrow as pa, pyarrow.parquet as pq
n, out = int(sys.argv[1]), sys.argv[2]
r = random.Random(7)
words = [''.join(r.choice('etaoinshrdlucmfwypvbgk') for _ in range(r.randint(2, 9))) for _ in range(30000)]
pick = lambda: words[min(int(r.paretovariate(0.6)) - 1, 29999)]
url = [f'https://cdn{r.randrange(5000)}.example.com/images/{r.getrandbits(64):x}/{pick()}-{pick()}.jpg' for _ in range(n)]
text = [' '.join(pick() for _ in range(r.randint(4, 16))) for _ in range(n)]
pq.write_table(pa.table({'URL': url, 'TEXT': text, 'WIDTH': [r.randrange(3000) for _ in range(n)], 'similarity': [r.random() for _ in range(n)]}), out, row_group_size=n)
`;
const READ = `
import sys, time, pyarrow, pyarrow.parquet as pq
t = time.process_time(); rows = 0
for batch in pq.ParquetFile(sys.argv[1]).iter_batches(columns=['URL', 'TEXT'], batch_size=8192):
    for url, text in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist()):
        if url.startswith('http') and text: rows += 1
print(rows, time.process_time() - t, pyarrow.__version__)
`;
const run = (script: string, ...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(python, ["-c", script, ...args], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return stdout.trim().split(" ");
};

const file = join(folder, "list.parquet");
run(MAKE, String(ROWS), file);
const [peerRows = "0", peerSeconds = "1", peerVersion = ""] = run(READ, file);

const db = openDatabase(folder);
const http = new HttpClient({ userAgent: "bench", allowPrivate: [], resolve: [] });
const before = process.cpuUsage();
let rows = 0;
let peak = 0;
for await (const { candidates } of readUrlList(db, http, { file }, new AbortController().signal)) {
  rows += candidates.length;
  peak = Math.max(peak, process.memoryUsage.rss());
}
const { user, system } = process.cpuUsage(before);
const seconds = (user + system) / 1e6;
console.table({
  "webimagetext (to candidates)": row(rows, seconds, process.version, `hyparquet ${manifest.dependencies.hyparquet}`),
  "pyarrow (decoding only)": row(Number(peerRows), Number(peerSeconds), "", `pyarrow ${peerVersion}`),
});
console.log(
  `${(statSync(file).size / 1e6).toFixed(0)} MB in one row group; peak memory ${(peak / 1e6).toFixed(0)} MB; ratio ${(Number(peerSeconds) / seconds).toFixed(2)}`,
);
await http.close();
closeDatabase(db);
rmSync(folder, { recursive: true });

function row(n: number, cpu: number, runtime: string, version: string) {
  return {
    rows: n,
    "CPU s": cpu.toFixed(2),
    "rows/s/core": Math.round(n / cpu),
    versions: `${runtime} ${version}`.trim(),
  };
}
