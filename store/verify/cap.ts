import { tmpdir } from "node:os";
import { join } from "node:path";
import { countMatches, exactChoice, isChosen, type PairBlock } from "../../filters/cap.ts";
import { PairBlocks } from "../../filters/pair-blocks.ts";
import { termHash } from "../../filters/priority.ts";
import { profileNamed } from "../../filters/profiles.ts";
import { type Database, getMeta } from "../database.ts";
import { idHalves } from "../pair-id.ts";
import type { Findings } from "./findings.ts";

interface Row {
  id: string;
  state: string;
  queries: string;
  chosen_for: string | null;
}

/**
 * The cap, computed anew: no query may have more kept pairs on its account than the cap allows, and each kept pair must
 * be among the smallest of its queries. The second holds whatever fell out since the selection, because thresholds only
 * grow when pairs leave (docs/decisions/003-dead-links.md).
 */
export function verifyCap(db: Database, findings: Findings): void {
  const [cap, seed] = [Number(getMeta(db, "cap")), Number(getMeta(db, "seed"))];
  const early = !Number.isSafeInteger(cap) || !Number.isSafeInteger(seed);
  if (early || getMeta(db, "rematch") === "pending") {
    findings.open(
      "cap",
      "table meta",
      early ? "no selection was made yet" : "the query list changed since the selection",
    );
    return;
  }
  const { balance = "auto", profile = "clip" } = JSON.parse(getMeta(db, "settings") ?? "{}");
  // MetaCLIP's sampling keeps the cap on average only: there is nothing to hold a query to.
  if (balance === "metaclip" || (balance === "auto" && profileNamed(profile).balance === "metaclip")) return;
  const terms = db.prepare<[], { id: number; term: string }>("SELECT id, term FROM query ORDER BY id").all();
  const hashes = new Int32Array((terms.at(-1)?.id ?? -1) + 1);
  for (const { id, term } of terms) hashes[id] = termHash(term);
  // Pairs found after the last selection had no chance yet.
  const live = db.prepare<[], Row>(
    "SELECT id, state, queries, chosen_for FROM pair WHERE state IN ('chosen', 'kept', 'reserve') AND queries IS NOT NULL ORDER BY rowid",
  );
  const names = new Map(terms.map(({ id, term }) => [id, term]));
  const blocks = new PairBlocks(join(tmpdir(), `webimagetext-verify-${process.pid}.tmp`));
  const used = new Map<number, number>();
  const outOfTurn: [string, number][] = [];
  let pairs = 0;
  let better = 0;
  try {
    const counts = new Uint32Array(hashes.length);
    for (const { id, queries } of live.iterate()) blocks.add(...idHalves(id), JSON.parse(queries) as number[]);
    for (const block of blocks.blocks()) countMatches(block, counts);
    const scan = (visit: (block: PairBlock) => void) => blocks.blocks().forEach(visit);
    const choose = exactChoice(scan, counts, hashes, cap, seed);
    const rows = live.iterate();
    for (const block of blocks.blocks()) {
      choose(block);
      for (let pair = 0; pair < block.pairs; pair++) {
        const row = rows.next().value as Row;
        pairs++;
        const [start, end] = [block.starts[pair] ?? 0, block.starts[pair + 1] ?? 0];
        const may = new Set(block.queries.subarray(start, end).filter((_, i) => isChosen(block, start + i)));
        const chosen: number[] = JSON.parse(row.chosen_for ?? "[]");
        if (may.size > chosen.length) better++;
        if (row.state !== "kept") continue;
        for (const query of chosen) {
          used.set(query, (used.get(query) ?? 0) + 1);
          if (!may.has(query)) outOfTurn.push([row.id, query]);
        }
      }
    }
    rows.return?.();
  } finally {
    blocks.close();
  }
  for (const [query, kept] of used) {
    if (kept > cap)
      findings.problem(
        "cap",
        `query "${names.get(query)}"`,
        `${kept} pairs are kept on its account; the cap is ${cap}`,
      );
  }
  for (const [id, query] of outOfTurn)
    findings.problem("cap", `pair ${id}`, `is kept on account of "${names.get(query)}", but others come before it`);
  findings.looked("cap", pairs);
  if (better > 0) findings.open("cap", "table pair", `${better} pairs can move up: run \`npm run crawl\``);
}
