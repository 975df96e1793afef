import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import sharp from "sharp";
import type { Database } from "../database.ts";
import { metadataOf, type SampleRow } from "../shards.ts";
import { readTar, type TarEnd, type TarMember } from "../tar-reader.ts";
import type { Findings } from "./findings.ts";

interface ShardRow {
  shard: string;
  pairs: number;
  bytes: number;
  sha256: string;
}

type PairRow = SampleRow & { state: string; reason: string | null; shard: string | null; key: string | null };

/** Extensions of stored pictures, with what sharp calls their format. */
const FORMATS = [
  ["jpg", "jpeg"],
  ["webp", "webp"],
  ["png", "png"],
] as const;

/** What the checks of shards need to know. */
export interface ShardChecks {
  /** The rows say what the shards hold; false between a selection and the writing of shards. */
  current: boolean;
  /** Decode every picture, not only its header. */
  decode: boolean;
  progress: (samples: number) => void;
}

/** Every file in shards/ against its row, every sample against its row and its line of Parquet, every picture against its size. */
export async function verifyShards(db: Database, data: string, findings: Findings, checks: ShardChecks): Promise<void> {
  const shards = db.prepare<[], ShardRow>("SELECT shard, pairs, bytes, sha256 FROM shard ORDER BY shard").all();
  findings.looked("files", shards.length);
  strangers(
    data,
    new Set(["SHA256SUMS", ...shards.flatMap(({ shard }) => [`${shard}.tar`, `${shard}.parquet`])]),
    findings,
  );
  verifySums(data, shards, findings);
  const seen = new Set<string>();
  for (const shard of shards) await verifyShard(db, data, shard, seen, findings, checks);
  findings.looked("samples", seen.size);
  const kept = db.prepare<[], { id: string; shard: string | null }>("SELECT id, shard FROM pair WHERE state = 'kept'");
  const broken = new Set(findings.problems.filter(({ check }) => check === "files").map(({ where }) => where));
  for (const { id, shard } of kept.iterate()) {
    if (!seen.has(id) && !broken.has(`shards/${shard}.tar`))
      findings.problem("samples", `pair ${id}`, `is kept, but no sample of shard ${shard} is it`);
  }
}

/** Files that no row names: a run never leaves any in shards/. */
function strangers(data: string, known: ReadonlySet<string>, findings: Findings): void {
  const folder = join(data, "shards");
  const names = existsSync(folder) ? readdirSync(folder) : [];
  for (const name of names) {
    if (!known.has(name)) findings.problem("files", `shards/${name}`, "belongs to no shard of the database: delete it");
  }
  // Before the first shards there is nothing to be missing.
  for (const name of known)
    if (known.size > 1 && !names.includes(name)) findings.problem("files", `shards/${name}`, "is missing");
}

async function verifyShard(
  db: Database,
  data: string,
  { shard, ...row }: ShardRow,
  seen: Set<string>,
  findings: Findings,
  checks: ShardChecks,
): Promise<void> {
  const name = `shards/${shard}.tar`;
  if (!existsSync(join(data, name))) return;
  const samples = new Map<string, unknown>();
  const sample = sampleChecker(db, shard, seen, findings, checks);
  const members = readTar(join(data, name));
  let parts: TarMember[] = [];
  let end: TarEnd | undefined;
  try {
    for (let next = members.next(); ; next = members.next()) {
      if (next.done) {
        end = next.value;
        break;
      }
      parts.push(next.value);
      if (parts.length < 3) continue;
      const [key, json] = await sample(parts);
      samples.set(key, json);
      parts = [];
    }
    if (parts.length > 0) findings.problem("samples", name, `ends with part of a sample: ${parts[0]?.name}`);
  } catch (error) {
    findings.problem("files", name, (error as Error).message);
    return;
  }
  if (end.bytes !== row.bytes)
    findings.problem("files", name, `has ${end.bytes} bytes; the database says ${row.bytes}`);
  else if (end.sha256 !== row.sha256) findings.problem("files", name, "its SHA-256 is not the one in the database");
  if (samples.size !== row.pairs)
    findings.problem("files", name, `has ${samples.size} samples; the database says ${row.pairs}`);
  await verifyParquet(data, shard, samples, findings);
}

/** SHA256SUMS must name the tars as the database does, and the Parquet files as they are. */
function verifySums(data: string, shards: readonly ShardRow[], findings: Findings): void {
  if (!existsSync(join(data, "shards", "SHA256SUMS"))) return;
  const lines = readFileSync(join(data, "shards", "SHA256SUMS"), "utf8").split("\n");
  const said = new Map(lines.filter((line) => line !== "").map((line) => [line.slice(66), line.slice(0, 64)]));
  for (const { shard, sha256 } of shards) {
    if (said.get(`${shard}.tar`) !== sha256)
      findings.problem("files", "shards/SHA256SUMS", `names another checksum of ${shard}.tar than the database`);
    const parquet = join(data, "shards", `${shard}.parquet`);
    if (
      existsSync(parquet) &&
      said.get(`${shard}.parquet`) !== createHash("sha256").update(readFileSync(parquet)).digest("hex")
    )
      findings.problem("files", `shards/${shard}.parquet`, "its SHA-256 is not the one in SHA256SUMS");
  }
  if (said.size !== 2 * shards.length)
    findings.problem("files", "shards/SHA256SUMS", "names other files than the shards");
}

/** Returns the check of one sample: its three members in order, its row, its picture. */
function sampleChecker(db: Database, shard: string, seen: Set<string>, findings: Findings, checks: ShardChecks) {
  const read = db.prepare<[string], PairRow>("SELECT * FROM pair WHERE id = ?");
  const term = db.prepare<[number], string>("SELECT term FROM query WHERE id = ?").pluck();
  return async ([image, text, metadata]: TarMember[]): Promise<[string, unknown]> => {
    const key = image?.name.split(".")[0] ?? "";
    const where = `shards/${shard}.tar ${key}`;
    const names = [image?.name, text?.name, metadata?.name];
    const picture = FORMATS.some(([extension]) => image?.name === `${key}.${extension}`);
    if (!image || !text || !metadata || !picture || text.name !== `${key}.txt` || metadata.name !== `${key}.json`) {
      findings.problem("samples", where, `expected a picture, ${key}.txt, ${key}.json; found ${names.join(", ")}`);
      return [key, undefined];
    }
    const json = parse(metadata.bytes);
    if (json === undefined) {
      findings.problem("samples", where, "its .json cannot be read");
      return [key, undefined];
    }
    const row = read.get(String(json["id"]));
    const problem = (what: string) => findings.problem("samples", where, what);
    if (seen.has(String(json["id"]))) problem(`pair ${json["id"]} is in the shards twice`);
    seen.add(String(json["id"]));
    checks.progress(seen.size);
    if (!row) problem(`pair ${json["id"]} has no row in the database`);
    else if (row.state !== "kept") {
      // Between a selection and the writing of shards pairs that left the set are still in the old shards.
      if (row.reason === "removed") problem(`pair ${row.id} was taken down: run \`npm run remove\` again`);
      else if (checks.current) problem(`pair ${row.id} is ${row.state}, not kept`);
    } else {
      if (row.shard !== shard || row.key !== key)
        problem(`the row of pair ${row.id} says shard ${row.shard}, key ${row.key}`);
      else if (row.file !== `shards/${shard}.tar` || row.offset !== image.offset || row.bytes !== image.bytes.length)
        problem(`its picture is not where the row says: ${row.file}, ${row.offset}, ${row.bytes} bytes`);
      if (text.bytes.toString() !== row.caption) problem("its .txt is not the caption of the row");
      const different = differences(
        json,
        metadataOf(row, key, (query) => term.get(query) ?? ""),
        checks.current,
      );
      if (different.length > 0) problem(`its .json and the row differ in ${different.join(", ")}`);
      const broken = await pictureProblem(image.bytes, row, checks.decode);
      if (broken) findings.problem("pictures", where, broken);
      findings.looked("pictures", 1);
    }
    return [key, json];
  };
}

/** Fields in which a sample differs from its row; who it was chosen for may change before shards are written again. */
function differences(json: Record<string, unknown>, expected: object, current: boolean): string[] {
  const wanted = new Map(Object.entries(JSON.parse(JSON.stringify(expected))));
  return [...new Set([...Object.keys(json), ...wanted.keys()])].filter(
    (field) =>
      !isDeepStrictEqual(json[field], wanted.get(field)) && (current || !["queries", "chosen_for"].includes(field)),
  );
}

async function pictureProblem(bytes: Buffer, row: PairRow, decode: boolean): Promise<string | undefined> {
  try {
    const picture = sharp(bytes, { failOn: "warning" });
    const { format, width, height } = await picture.metadata();
    const wanted = FORMATS.find(([extension]) => extension === row.extension)?.[1];
    if (format !== wanted) return `is ${format}, not ${wanted}`;
    if (width !== row.width || height !== row.height)
      return `is ${width} x ${height}; the row says ${row.width} x ${row.height}`;
    if (decode) await picture.raw().toBuffer();
    return undefined;
  } catch (error) {
    return `cannot be decoded: ${(error as Error).message.split("\n")[0]}`;
  }
}

async function verifyParquet(
  data: string,
  shard: string,
  samples: ReadonlyMap<string, unknown>,
  findings: Findings,
): Promise<void> {
  const name = `shards/${shard}.parquet`;
  if (!existsSync(join(data, name))) return;
  try {
    const rows = await parquetReadObjects({ file: await asyncBufferFromFile(join(data, name)) });
    findings.looked("parquet rows", rows.length);
    if (rows.length !== samples.size)
      findings.problem("parquet rows", name, `has ${rows.length} rows; the shard has ${samples.size} samples`);
    for (const row of rows) {
      const key = String(row["key"]);
      if (!samples.has(key)) findings.problem("parquet rows", `${name} ${key}`, "is no sample of the shard");
      else if (!isDeepStrictEqual(row, samples.get(key)))
        findings.problem("parquet rows", `${name} ${key}`, "differs from the sample's .json");
    }
  } catch (error) {
    findings.problem("parquet rows", name, `cannot be read: ${(error as Error).message}`);
  }
}

function parse(bytes: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
