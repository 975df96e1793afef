import type { Database } from "../database.ts";
import { readSample, type Sample } from "./samples.ts";

/** Kept pictures that look the same, reached from one another by near duplicates. */
export interface NearGroup {
  size: number;
  /** Some of them, smallest ids first. */
  samples: Sample[];
}

/** All groups in a few numbers, and the largest ones. */
export interface NearGroups {
  groups: number;
  pairs: number;
  largest: NearGroup[];
}

const SHOWN = 8;
const PICTURES = 4;
/** Two pictures that look the same, at most so many: of more the first ones tell enough. */
const EDGES = 500_000;

/** Joins the pairs of the view `near_duplicates` to groups. */
export function readNearGroups(db: Database): NearGroups {
  const edges = db.prepare<[], [string, string]>(`SELECT a, b FROM near_duplicate LIMIT ${EDGES}`).raw();
  const parent = new Map<string, string>();
  const root = (id: string): string => {
    let top = id;
    for (let up = parent.get(top); up !== undefined && up !== top; up = parent.get(top)) top = up;
    parent.set(id, top);
    return top;
  };
  for (const [a, b] of edges.iterate()) {
    // The smaller id leads, so that the order of the rows does not matter.
    const [first = a, second = b] = [root(a), root(b)].sort();
    if (first !== second) parent.set(second, first);
  }
  const groups = [...Map.groupBy(parent.keys(), root).values()].map((ids) => ids.sort());
  groups.sort((a, b) => b.length - a.length || ((a[0] ?? "") < (b[0] ?? "") ? -1 : 1));
  return {
    groups: groups.length,
    pairs: parent.size,
    largest: groups.slice(0, SHOWN).map((ids) => ({
      size: ids.length,
      samples: ids.slice(0, PICTURES).flatMap((id) => readSample(db, id) ?? []),
    })),
  };
}
