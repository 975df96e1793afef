import type { Database } from "../database.ts";
import { getMeta } from "../database.ts";
import { type Html, html, type Part } from "../report/html.ts";
import { found } from "../report/parts.ts";
import { bytes, count } from "../report/text.ts";
import { layout, link, markForm, type View } from "./layout.ts";

type PairRow = Record<string, string | number | null> & {
  id: string;
  image_url: string;
  page_url: string | null;
  caption: string;
  state: string;
  reason: string | null;
  detail: string | null;
  queries: string | null;
  chosen_for: string | null;
  sha256: string | null;
  file: string | null;
};

/** What a state means for a pair. */
const STATES: Record<string, string> = {
  candidate: "It passed the caption rules and contains a query; the next selection decides.",
  chosen: "It is within the cap of a query; its picture is not in a shard yet.",
  kept: "It is in the data set.",
  reserve: "None of its queries has room for it under the cap now; it moves up when others fail.",
};

/** One pair with all that is known of it: undefined when there is none. */
export function pairPage(db: Database, view: View, id: string): Html | undefined {
  const row = db.prepare<[string], PairRow>("SELECT * FROM pair WHERE id = ?").get(id);
  if (!row) return undefined;
  return layout(
    view,
    `Pair ${id}`,
    html`<h1 class="caption-title">${found(row.caption, 600)}</h1>
<div class="pair"><div>${row.file === null ? html`<span class="frame missing">no picture here</span>` : html`<img src="/picture/${id}" alt="">`}${markForm(view, id)}</div><div>
<p class="why"><span class="state ${row.state}">${row.state}</span> ${why(db, row)}</p>
${queries(db, row)}
${twins(db, row)}
<dl class="facts">${Object.entries(row).flatMap(([name, value]) => fact(name, value))}</dl></div></div>`,
  );
}

function why(db: Database, row: PairRow): Part {
  if (row.reason === null) return STATES[row.state] ?? "";
  const help = db
    .prepare<[string], { stage: string; help: string }>("SELECT stage, help FROM reason WHERE name = ?")
    .get(row.reason);
  return html`at ${help?.stage ?? "?"}: <b>${row.reason.replaceAll("_", " ")}</b>, ${help?.help ?? ""}${row.detail !== null && html` <span class="quiet">(${found(row.detail, 300)})</span>`}`;
}

/** Each query of the caption, with what the cap made of it. */
function queries(db: Database, row: PairRow): Part {
  if (row.queries === null) return undefined;
  const chosen = new Set<number>(JSON.parse(row.chosen_for ?? "[]"));
  const cap = Number(getMeta(db, "cap") ?? Number.POSITIVE_INFINITY);
  const read = db.prepare<[number], { term: string; matched: number }>("SELECT term, matched FROM query WHERE id = ?");
  const entries = (JSON.parse(row.queries) as number[]).map((query) => {
    const { term, matched } = read.get(query) ?? { term: "?", matched: 0 };
    const room =
      matched <= cap
        ? "all its pairs fit"
        : chosen.has(query)
          ? `among the first ${count(cap)} of ${count(matched)}`
          : `after the first ${count(cap)} of ${count(matched)}`;
    return html`<li class="${chosen.has(query) ? "yes" : "no"}"><a href="${link("/pairs", { query: term })}">${found(term, 60)}</a> <span class="quiet">${chosen.has(query) ? "chosen for it" : "not chosen for it"}, ${room}</span></li>`;
  });
  return html`<h2>Queries in the caption</h2><ul class="queries">${entries}</ul>`;
}

/** Other pairs of the same address, of the same bytes, and of pictures that look the same. */
function twins(db: Database, row: PairRow): Part {
  const rows = db
    .prepare<[PairRow], { id: string; caption: string; state: string; how: string }>(
      `SELECT id, caption, state, 'the same address' AS how FROM pair WHERE image_url = @image_url AND id <> @id
       UNION SELECT id, caption, state, 'the same bytes' FROM pair WHERE sha256 = @sha256 AND sha256 IS NOT NULL AND id <> @id AND image_url <> @image_url
       UNION SELECT p.id, p.caption, p.state, 'looks the same' FROM near_duplicate d JOIN pair p ON p.id = CASE d.a WHEN @id THEN d.b ELSE d.a END
         WHERE d.a = @id OR d.b = @id
       ORDER BY how, id LIMIT 30`,
    )
    .all(row);
  if (rows.length === 0) return undefined;
  return html`<h2>The same picture</h2><ul class="queries">${rows.map((twin) => html`<li><a href="/pair/${twin.id}">${found(twin.caption, 90)}</a> <span class="quiet">${twin.state}, ${twin.how}</span></li>`)}</ul>`;
}

function fact(name: string, value: string | number | null): Html[] {
  if (value === null || ["caption", "queries", "chosen_for", "state", "reason", "detail"].includes(name)) return [];
  const text = name === "bytes" ? bytes(Number(value)) : String(value);
  const address = name === "image_url" || name === "page_url" ? webAddress(text) : undefined;
  const shown = address
    ? html`<a href="${address}" rel="noreferrer noopener">${found(text, 300)}</a>`
    : found(text, 300);
  return [html`<div><dt>${name.replaceAll("_", " ")}</dt><dd>${shown}</dd></div>`];
}

/** The address, when it is one that a link may lead to. */
function webAddress(text: string): string | undefined {
  const url = URL.parse(text);
  return url && (url.protocol === "http:" || url.protocol === "https:") ? url.href : undefined;
}
