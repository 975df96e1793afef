/**
 * Reading Common Crawl's WAT and WARC beside Python's fastest parts (fastwarc with orjson, with selectolax): the same
 * files, one process a side, CPU seconds. The files are made in Common Crawl's layout from real pages, again and again
 * until they are large enough: real ones repeat less. WAT: both sides take url, alt and title of IMG@/src, resolve the
 * address and hash the pair ("hash"); equal sets of (url, alt) are checked. "extract" and "discover" do more than the
 * peer: clean captions with provenance; rules, queries and rows in SQLite, too. WARC: the peer takes src and alt of
 * images and hashes them, ours figures, captions, srcset, base, licence and opt-out signals besides.
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
import { fieldOf, RecordReader } from "../crawler/sources/archive/records.ts";
import { WatScanner } from "../crawler/sources/archive/wat-scan.ts";
import { inputOf } from "../crawler/sources/input.ts";
import { readWarc } from "../crawler/sources/warc.ts";
import { readWat } from "../crawler/sources/wat.ts";
import { openWorkspace } from "../crawler/workspace.ts";
import { closeDatabase, openDatabase } from "../store/database.ts";
import { pairId, resolver } from "../store/pair-id.ts";
import { ensureVenv } from "../store/python.ts";
import { realPages, warcMembers, watMembers } from "../test/archives/write.ts";

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
def pages(path):
    from selectolax.lexbor import LexborHTMLParser
    start, n, found = time.process_time(), 0, 0
    for record in ArchiveIterator(open(path, 'rb'), record_types=WarcRecordType.response, parse_http=True):
        n += 1
        base = record.headers['WARC-Target-URI']
        for image in LexborHTMLParser(record.reader.read()).css('img'):
            a = image.attributes
            alt, src = a.get('alt'), a.get('src')
            if not alt or not src: continue
            found += 1
            full = src if src.startswith('http') else urljoin(base, src)
            hashlib.sha256(full.encode('utf8', 'surrogatepass') + b'\\0' + alt.encode('utf8', 'surrogatepass')).digest()
    print(found, time.process_time() - start, n, version('selectolax'))
if sys.argv[2] == 'pages': pages(sys.argv[1])
else: main(sys.argv[1], sys.argv[2] == 'timed')
`;

const http = new HttpClient({ userAgent: "bench", allowPrivate: [], resolve: [] });
const never = new AbortController().signal;

/** One side of ours in a process of its own: `node bench/wat.ts MODE FILE`. */
async function ours(mode: string, file: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "wit-bench-wat-"));
  // Only the whole path needs queries; readers do not, nor does their peer.
  const { db, queries } =
    mode === "discover" ? await openWorkspace(folder, () => {}) : { db: openDatabase(folder), queries: undefined };
  let found = 0;
  let before = process.cpuUsage();
  if (mode === "set") {
    const seen = new Set<string>();
    for await (const piece of piecesOf(inputOf(file, http), 0)) {
      const scanner = new WatScanner(piece.bytes, "bench");
      for (const { from, to } of new RecordReader().read(piece))
        for (const { url, alt } of scanner.page(from, to)?.images ?? []) if (alt) seen.add(`${url}\t${alt}`);
    }
    const text = [...seen].sort().join("\n");
    console.log(seen.size, createHash("sha256").update(text).digest("hex"));
  } else if (mode === "hash") {
    for await (const piece of piecesOf(inputOf(file, http), 0)) {
      const scanner = new WatScanner(piece.bytes, "bench");
      for (const { header, from, to } of new RecordReader().read(piece)) {
        const page = scanner.page(from, to);
        if (!page) continue;
        const uri = fieldOf(header, "WARC-Target-URI") ?? "";
        const resolve = resolver(page.base === undefined ? uri : (URL.parse(page.base, uri)?.href ?? uri));
        for (const { url, alt, title } of page.images) {
          if (!alt && !title) continue;
          found++;
          const full = resolve(url);
          if (full !== undefined) pairId(full, alt || title || "");
        }
      }
    }
  } else if (mode === "warc") {
    for await (const { candidates } of readWarc(db, http, file, "bench", never)) {
      for (const { imageUrl, caption } of candidates) pairId(imageUrl, caption);
      found += candidates.length;
    }
  } else if (mode === "extract") {
    for await (const { candidates } of readWat(db, http, file, "bench", never)) {
      for (const { imageUrl, caption } of candidates) pairId(imageUrl, caption);
      found += candidates.length;
    }
  } else if (queries) {
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
  const times = Number(process.argv[2] ?? 60);
  writeFileSync(file, Buffer.concat(Array.from({ length: times }, () => members)));
  const bytes = gunzipSync(members).length * times;

  const own = (mode: string, path = file) => run(process.execPath, [import.meta.filename, mode, path]);
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
  for (const mode of ["hash", "extract", "discover"]) row(`webimagetext ${mode}`, ...(own(mode) as [string, string]));
  console.table(rows);
  console.log(
    `${(bytes / 1e6).toFixed(0)} MB, packed ${(statSync(file).size / 1e6).toFixed(0)} MB; fastwarc ${fastwarc}, orjson ${orjson}, node ${process.version}`,
  );
  const warc = join(folder, "made.warc.gz");
  const responses = Buffer.concat(warcMembers(realPages()));
  writeFileSync(warc, Buffer.concat(Array.from({ length: times / 4 }, () => responses)));
  const [theirs, theirSeconds, pages, selectolax] = run(python, ["-c", PYTHON, warc, "pages"]);
  const [mine, seconds] = own("warc", warc);
  const pagesRow = (found: string | undefined, cpu: string | undefined) => ({
    pairs: Number(found),
    "CPU s": Number(cpu).toFixed(2),
    "pages/s/core": Math.round(Number(pages) / Number(cpu)),
    ratio: (Number(theirSeconds) / Number(cpu)).toFixed(2),
  });
  console.table({
    "fastwarc + selectolax": pagesRow(theirs, theirSeconds),
    "webimagetext warc": pagesRow(mine, seconds),
  });
  console.log(`${pages} pages, packed ${(statSync(warc).size / 1e6).toFixed(0)} MB; selectolax ${selectolax}`);
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
