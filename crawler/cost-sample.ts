import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Database, openForReading } from "../store/database.ts";
import { openObjects } from "../store/objects.ts";
import type { Figures } from "./cost-model.ts";
import { type Marker, PLAN } from "./ranks/names.ts";

/** What a crawl of a part tells about the whole. */
export interface Sample {
  figures: Partial<Figures>;
  /** Pairs kept of so many that match and have a picture, with this sample's queries. */
  keptOf?: (pairs: number) => number;
  /** The registered domains with most pictures, and their parts of all. */
  hosts: { host: string; part: number }[];
}

const HOSTS = 5;

/** A figure is measured when it rests on so many pictures, rows or pairs; on fewer it says little. */
const ENOUGH = 100;

/**
 * Measures what can be measured in a workspace. Core-seconds are known only of crawls with --ranks.
 * @param cap of the build that is planned.
 * @throws Error when there is no workspace.
 */
export async function measure(data: string, cap: number): Promise<Sample> {
  const db = openForReading(data);
  try {
    const figures = { ...sources(db), ...pictures(db), ...(await seconds(data, db)) };
    return { figures, ...keeping(db, cap), hosts: hottest(db) };
  } finally {
    db.close();
  }
}

function number(db: Database, sql: string): number {
  return db.prepare<[], number>(sql).pluck().get() ?? 0;
}

function hottest(db: Database): Sample["hosts"] {
  const all = number(db, "SELECT count(*) FROM pair WHERE queries IS NOT NULL");
  const rows = db.prepare<[number], { host: string; n: number }>(
    "SELECT host, count(*) AS n FROM pair WHERE queries IS NOT NULL GROUP BY host ORDER BY n DESC, host LIMIT ?",
  );
  return rows.all(HOSTS).map(({ host, n }) => ({ host, part: n / all }));
}

const WAT_FILES = "SELECT count(*) FROM list_position WHERE done = 1 AND file LIKE '%.wat%'";

function sources(db: Database): Partial<Figures> {
  const files = number(db, WAT_FILES);
  const fromWat = number(db, "SELECT count(*) FROM pair WHERE source = 'wat' AND queries IS NOT NULL");
  const inLists = number(db, "SELECT count(*) FROM pair WHERE source = 'url-list'");
  const matched = number(db, "SELECT count(*) FROM pair WHERE source = 'url-list' AND queries IS NOT NULL");
  return {
    ...(files > 0 && fromWat >= ENOUGH ? { watMatched: fromWat / files } : {}),
    ...(inLists >= ENOUGH ? { rowMatched: matched / inLists } : {}),
  };
}

function pictures(db: Database): Partial<Figures> {
  const tried = number(db, "SELECT count(*) FROM pair WHERE attempts > 0");
  const dropped = (stage: string) =>
    number(
      db,
      `SELECT count(*) FROM pair JOIN reason ON reason.name = pair.reason WHERE stage = '${stage}' AND attempts > 0`,
    );
  const kept = number(db, "SELECT count(*) FROM pair WHERE state = 'kept'");
  const all = number(db, "SELECT count(*) FROM pair WHERE queries IS NOT NULL");
  const hot = number(db, "SELECT max(n) FROM (SELECT count(*) AS n FROM pair WHERE queries IS NOT NULL GROUP BY host)");
  const rot = dropped("download");
  const requests = number(db, "SELECT sum(ok) FROM host");
  const pages = number(db, "SELECT count(*) FROM page WHERE state <> 'waiting'");
  return {
    ...(tried >= ENOUGH ? { linkRot: rot / tried } : {}),
    ...(tried - rot >= ENOUGH ? { pictureKept: 1 - dropped("image") / (tried - rot) } : {}),
    ...(kept >= ENOUGH ? { storedBytes: number(db, "SELECT avg(bytes) FROM pair WHERE state = 'kept'") } : {}),
    ...(all >= ENOUGH ? { hotHost: hot / all } : {}),
    // Pages are counted with pictures: where they are many, the mean is not that of pictures.
    ...(requests >= ENOUGH && pages < requests / 20
      ? { pictureBytes: number(db, "SELECT sum(bytes) FROM host") / requests }
      : {}),
  };
}

/** From the markers of its ranks. */
async function seconds(data: string, db: Database): Promise<Partial<Figures>> {
  if (!existsSync(join(data, PLAN))) return {};
  const store = await openObjects(data);
  const spent = new Map<string, number>();
  for await (const { name } of store.list("cluster/")) {
    const stage = /^cluster\/([a-z]+)(?:-\d+)?\/done\//.exec(name)?.[1];
    if (stage === undefined) continue;
    const { cpuSeconds } = JSON.parse(String(await store.get(name))) as Marker;
    spent.set(stage, (spent.get(stage) ?? 0) + cpuSeconds);
  }
  const sum = (...stages: string[]) => stages.reduce((total, stage) => total + (spent.get(stage) ?? 0), 0);
  const files = number(db, WAT_FILES);
  const rows = number(db, "SELECT count(*) FROM pair WHERE source = 'url-list'");
  const tried = number(db, "SELECT count(*) FROM pair WHERE attempts > 0");
  // A crawl of both cannot say which of them took how long.
  const reading = sum("discover", "gather", "captions", "live", "window", "threshold");
  return {
    ...(files > 0 && rows === 0 ? { watSeconds: reading / files } : {}),
    ...(files === 0 && rows >= ENOUGH ? { rowSeconds: reading / rows } : {}),
    ...(tried >= ENOUGH ? { pictureSeconds: sum("download", "settle", "pack", "shard", "merge") / tried } : {}),
  };
}

/**
 * The cap's own formula on the sample: in a set `f` times as large query q has f n_q pairs, and a pair stays with
 * probability 1 - prod(1 - min(1, cap / (f n_q))).
 */
function keeping(db: Database, cap: number): Pick<Sample, "keptOf"> {
  const rows = db.prepare<[], string>("SELECT queries FROM pair WHERE queries IS NOT NULL").pluck();
  const counts = new Map<number, number>();
  let pairs = 0;
  for (const row of rows.iterate()) {
    pairs++;
    for (const query of JSON.parse(row) as number[]) counts.set(query, (counts.get(query) ?? 0) + 1);
  }
  if (pairs < ENOUGH) return {};
  const kept = (wanted: number) => {
    const scale = wanted / pairs;
    let sum = 0;
    for (const row of rows.iterate()) {
      let dropped = 1;
      for (const query of JSON.parse(row) as number[])
        dropped *= 1 - Math.min(1, cap / (scale * (counts.get(query) ?? 1)));
      sum += 1 - dropped;
    }
    return sum * scale;
  };
  // The sample is closed when the plan is made: what may be asked for is worked out now, and read off in between.
  const steps = Array.from({ length: 81 }, (_, i) => pairs * 10 ** (i / 10));
  const values = steps.map(kept);
  return {
    keptOf: (wanted) => {
      const at = Math.min(Math.max(Math.log10(wanted / pairs) * 10, 0), steps.length - 1);
      const below = Math.min(Math.floor(at), steps.length - 2);
      const [low = 0, high = 0] = [values[below], values[below + 1]];
      return wanted <= pairs ? (low * wanted) / pairs : low + (high - low) * (at - below);
    },
  };
}
