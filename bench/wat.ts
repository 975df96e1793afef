/**
 * Reading Common Crawl's WAT beside Python's fastest parts (fastwarc and orjson): the same file, one process a side, CPU
 * seconds. The file is made in Common Crawl's layout from real pages, again and again until it is large enough: real
 * ones repeat less. Both sides take url, alt and title of IMG@/src, resolve the address and hash the pair; equal sets of
 * (url, alt) are checked.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { discover } from "../crawler/discover.ts";
import { HttpClient } from "../crawler/http.ts";
import { JudgePool } from "../crawler/judge-pool.ts";
import { matcherTable } from "../crawler/judges.ts";
import { piecesOf } from "../crawler/sources/archive/members.ts";
import { RecordReader } from "../crawler/sources/archive/records.ts";
import { WatScanner } from "../crawler/sources/archive/wat-scan.ts";
import { inputOf } from "../crawler/sources/input.ts";
import { readWat } from "../crawler/sources/wat.ts";
import { openWorkspace } from "../crawler/workspace.ts";
import { closeDatabase } from "../store/database.ts";
import { pairId } from "../store/pair-id.ts";
import { ensureVenv } from "../store/python.ts";
import { realPages, watMembers } from "../test/archives/write.ts";

const PYTHON = `
import hashlib, sys, time
from urllib.parse import urljoin
from importlib.metadata import version
import orjson
from fastwarc.warc import ArchiveIterator, WarcRecordType
def main(path, timed):
    seen, n = set(), 0
    start = time.process_time()
    for record in ArchiveIterator(open(path, 'rb'), record_types=WarcRecordType.metadata):
        data = record.reader.read()
        try: envelope = orjson.loads(data)['Envelope']
        except Exception: continue
        html = envelope['Payload-Metadata'].get('HTTP-Response-Metadata', {}).get('HTML-Metadata')
        if not html: continue
        base = envelope['WARC-Header-Metadata']['WARC-Target-URI']
        if 'Base' in html['Head']: base = urljoin(base, html['Head']['Base'])
        for link in html['Links']:
            if link.get('path') != 'IMG@/src': continue
            url, alt, title = link.get('url', ''), link.get('alt'), link.get('title')
            if not alt and not title: continue
            n += 1
            if timed:
                full = url if url.startswith('http') else urljoin(base, url)
                hashlib.sha256(full.encode() + b'\\0' + (alt or title).encode()).digest()
            elif alt: seen.add(url + '\\t' + alt)
    seconds = time.process_time() - start
    digest = hashlib.sha256('\\n'.join(sorted(seen, key=lambda s: s.encode('utf-16-be', 'surrogatepass'))).encode('utf8', 'surrogatepass')).hexdigest()
    print(n, seconds, len(seen), digest, version('fastwarc'), version('orjson'))
main(sys.argv[1], sys.argv[2] == 'timed')
`;

const http = new HttpClient({ userAgent: "bench", allowPrivate: [], resolve: [] });
const never = new AbortController().signal;

/** One side of ours in a process of its own: `node bench/wat.ts MODE FILE`. */
async function ours(mode: string, file: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "wit-bench-wat-"));
  const { db, queries } = await openWorkspace(folder, () => {});
  let found = 0;
  let before = process.cpuUsage();
  if (mode === "set") {
    const seen = new Set<string>();
    for await (const piece of piecesOf(inputOf(file, http), 0)) {
      const scanner = new WatScanner(piece.bytes);
      for (const { from, to } of new RecordReader().read(piece))
        for (const { url, alt } of scanner.page(from, to, "bench")?.images ?? []) if (alt) seen.add(`${url}\t${alt}`);
    }
    const text = [...seen].sort().join("\n");
    console.log(seen.size, createHash("sha256").update(text).digest("hex"));
  } else if (mode === "scan") {
    for await (const piece of piecesOf(inputOf(file, http), 0)) {
      const scanner = new WatScanner(piece.bytes);
      for (const { from, to } of new RecordReader().read(piece))
        found += scanner.page(from, to, "bench")?.images.length ?? 0;
    }
  } else if (mode === "extract") {
    for await (const { candidates } of readWat(db, http, file, "bench", never)) {
      for (const { imageUrl, caption } of candidates) pairId(imageUrl, caption);
      found += candidates.length;
    }
  } else {
    // Every rule but the language's, whose cost bench:captions measures.
    const settings = { profile: "clip", lang: "any", match: "fold", optOut: "obey" } as const;
    const pool = new JudgePool(() => matcherTable(folder, queries, settings.match), settings);
    await pool.judges();
    before = process.cpuUsage();
    found = await discover(db, readWat(db, http, file, "bench", never), pool, true, () => {});
    await pool.close();
  }
  const { user, system } = process.cpuUsage(before);
  if (mode !== "set") console.log(found, (user + system) / 1e6);
  closeDatabase(db);
  await http.close();
  rmSync(folder, { recursive: true });
}

function run(program: string, args: string[]): string[] {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return stdout.trim().split(" ");
}

function compare(): void {
  const python = ensureVenv("bench/.venv-wat", "bench/wat-requirements.txt", console.error);
  const folder = mkdtempSync(join(tmpdir(), "wit-bench-wat-"));
  const file = join(folder, "made.warc.wat.gz");
  const members = Buffer.concat(watMembers(realPages()));
  const times = Number(process.argv[2] ?? 12);
  writeFileSync(file, Buffer.concat(Array.from({ length: times }, () => members)));
  const bytes = gunzipSync(members).length * times;

  const own = (mode: string) => run(process.execPath, [import.meta.filename, mode, file]);
  const [, , peerSize, peerDigest] = run(python, ["-c", PYTHON, file, "set"]);
  const [size, digest] = own("set");
  const same = size === peerSize && digest === peerDigest;
  const rows: Record<string, object> = {};
  let peerSpeed = 0;
  const row = (name: string, count: string | undefined, seconds: string | undefined) => {
    const speed = bytes / 1e6 / Number(seconds);
    peerSpeed ||= speed;
    rows[name] = {
      candidates: Number(count),
      "CPU s": Number(seconds).toFixed(2),
      "MB/s/core": Math.round(speed),
      "candidates/s/core": Math.round(Number(count) / Number(seconds)),
      ratio: (speed / peerSpeed).toFixed(2),
    };
  };
  const [peerCount, peerSeconds, , , fastwarc, orjson] = run(python, ["-c", PYTHON, file, "timed"]);
  row("fastwarc + orjson", peerCount, peerSeconds);
  for (const mode of ["scan", "extract", "discover"]) row(`webimagetext ${mode}`, ...(own(mode) as [string, string]));
  console.table(rows);
  console.log(
    `${(bytes / 1e6).toFixed(0)} MB, packed ${(statSync(file).size / 1e6).toFixed(0)} MB; fastwarc ${fastwarc}, orjson ${orjson}, node ${process.version}`,
  );
  console.log(`same set of (url, alt): ${same ? "yes" : "NO"}, ${size} here, ${peerSize} there`);
  rmSync(folder, { recursive: true });
  if (!same) process.exitCode = 1;
}

const [, , mode, file] = process.argv;
if (mode && file) await ours(mode, file);
else {
  compare();
  await http.close();
}
