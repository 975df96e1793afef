/**
 * Reading Common Crawl's WAT and WARC beside Python's fastest parts (fastwarc with orjson, with selectolax; wat_peer.py):
 * the same files, one process a side, CPU seconds, the best of three runs each. The files are made in Common Crawl's layout
 * from real pages, again and again with other picture addresses until they are large enough: real ones repeat less.
 *
 * | row | takes |
 * |---|---|
 * | peer, images | WAT: address, alt and title of IMG@/src, the address resolved against page and base, the pair hashed with SHA-256. WARC: src, alt and title of img, likewise |
 * | peer, all | the same fields as ours: also licence, language, opt-out signals; of WARC also figcaption, srcset, lazy attributes, JSON-LD, preview pictures |
 * | hash | what "peer, all" takes, with the same hashing |
 * | extract | as in a run: captions cleaned, candidates with their provenance; the only one of WARC |
 * | judge | the same, and rules but the language's, queries, hashing and dedup in memory |
 * | discover | the same, and rows in SQLite with all indices, as `npm run discover` into a new workspace |
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFileSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
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
import { makeIndices, putOffIndices } from "../store/indices.ts";
import { pairId, resolver } from "../store/pair-id.ts";
import { ensureVenv } from "../store/python.ts";
import { realPages, warcMembers, watMembers } from "../test/archives/write.ts";

const http = new HttpClient({ userAgent: "bench", allowPrivate: [], resolve: [] });
const never = new AbortController().signal;

/** One side of ours in a process of its own: `node bench/wat.ts MODE FILE`. */
async function ours(mode: string, file: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "wit-bench-wat-"));
  // Only the whole path needs queries; readers do not, nor does their peer.
  const { db, queries } =
    mode === "judge" || mode === "discover"
      ? await openWorkspace(folder, () => {})
      : { db: openDatabase(folder), queries: undefined };
  let found = 0;
  let rows: number | string = "";
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
    if (mode === "judge") {
      const ids = new Set<string>();
      for await (const { candidates } of readWat(db, http, file, "bench", never)) {
        for (const { id } of await pool.judge(candidates)) ids.add(id);
        found += candidates.length;
      }
    } else {
      putOffIndices(db, 0);
      found = await discover(db, readWat(db, http, file, "bench", never), pool, { beforeMany: () => {} }, () => {});
      makeIndices(db);
      rows = db.prepare<[], { n: number }>("SELECT count(*) AS n FROM pair").get()?.n ?? 0;
    }
    await pool.close();
  }
  const { user, system } = process.cpuUsage(before);
  if (mode !== "set") console.log(found, (user + system) / 1e6, rows);
  closeDatabase(db);
  await http.close();
  rmSync(folder, { recursive: true });
}

function run(program: string, args: string[]): string[] {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return stdout.trim().split(" ");
}

const RUNS = 3;

/** Runs the sides in turn, so that a busy moment meets all of them; returns each side's run of fewest CPU seconds. */
function best(sides: Record<string, () => string[]>): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (let i = 0; i < RUNS; i++) {
    for (const [name, side] of Object.entries(sides)) {
      const result = side();
      if (Number(result[1]) < Number(found.get(name)?.[1] ?? Number.POSITIVE_INFINITY)) found.set(name, result);
    }
  }
  return found;
}

/** A WAT member with another address of every picture, so that pairs only come again within a page, as they do there. */
function variant(packed: Buffer, copy: number): Buffer {
  const text = gunzipSync(packed).toString("latin1");
  const at = text.indexOf("\r\n\r\n") + 4;
  const body = text.slice(at, -4).replaceAll(/("path":"IMG@\/src","url":"[^"?#]*?)((?:\.\w+)?["?#])/g, `$1-${copy}$2`);
  const header = text.slice(0, at).replace(/(?<=Content-Length: )\d+/, String(body.length));
  return gzipSync(Buffer.from(`${header}${body}\r\n\r\n`, "latin1"));
}

/** Rows of a table: CPU seconds, what comes out of a second, and the ratio to both peers. */
function table(runs: Map<string, string[]>, unit: string, amount: (result: string[]) => number) {
  const seconds = (name: string) => Number(runs.get(name)?.[1]);
  return Object.fromEntries(
    [...runs].map(([name, result]) => [
      name,
      {
        pairs: Number(result[0]),
        "CPU s": seconds(name).toFixed(2),
        [unit]: Math.round(amount(result) / seconds(name)),
        "pairs/s": Math.round(Number(result[0]) / seconds(name)),
        "to images": (seconds("peer, images") / seconds(name)).toFixed(2),
        "to all": (seconds("peer, all") / seconds(name)).toFixed(2),
      },
    ]),
  );
}

function compare(): void {
  const python = ensureVenv("bench/.venv-wat", "bench/wat-requirements.txt", console.error);
  const peer = (kind: string, mode: string, path: string) => run(python, ["bench/wat_peer.py", kind, mode, path]);
  const own = (mode: string, path: string) => run(process.execPath, [import.meta.filename, mode, path]);
  const folder = mkdtempSync(join(tmpdir(), "wit-bench-wat-"));
  const times = Number(process.argv[2] ?? 60);

  const wat = join(folder, "made.warc.wat.gz");
  const members = watMembers(realPages());
  let bytes = 0;
  for (let i = 0; i < times; i++) {
    const copy = Buffer.concat(members.map((member) => (member.length > 1_500 ? variant(member, i) : member)));
    appendFileSync(wat, copy);
    bytes += gunzipSync(copy).length;
  }
  const [size, digest] = own("set", wat);
  const [peerSize, peerDigest] = peer("wat", "set", wat);
  const same = size === peerSize && digest === peerDigest;
  const ofWat = best({
    "peer, images": () => peer("wat", "images", wat),
    "peer, all": () => peer("wat", "all", wat),
    "webimagetext hash": () => own("hash", wat),
    "webimagetext extract": () => own("extract", wat),
    "webimagetext judge": () => own("judge", wat),
    "webimagetext discover": () => own("discover", wat),
  });
  console.log(
    `WAT: ${(bytes / 1e6).toFixed(0)} MB, packed ${(statSync(wat).size / 1e6).toFixed(0)} MB; ${ofWat.get("webimagetext discover")?.[2]} rows of distinct pairs`,
  );
  console.table(table(ofWat, "MB/s", () => bytes / 1e6));

  const warc = join(folder, "made.warc.gz");
  const responses = Buffer.concat(warcMembers(realPages()));
  for (let i = 0; i < times / 2; i++) appendFileSync(warc, responses);
  const ofWarc = best({
    "peer, images": () => peer("warc", "images", warc),
    "peer, all": () => peer("warc", "all", warc),
    "webimagetext extract": () => own("warc", warc),
  });
  const [, , pages, ...versions] = ofWarc.get("peer, images") ?? [];
  console.log(`WARC: ${pages} pages, packed ${(statSync(warc).size / 1e6).toFixed(0)} MB`);
  console.table(table(ofWarc, "pages/s", () => Number(pages)));
  console.log(`${versions.join(" ")}, node ${process.version}; best of ${RUNS} runs`);
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
