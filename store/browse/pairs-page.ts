import type { Database } from "../database.ts";
import { findPairs, findQuery } from "../find-pairs.ts";
import { type Html, html } from "../report/html.ts";
import { found } from "../report/parts.ts";
import { count, shorten } from "../report/text.ts";
import { layout, link, pairGrid, type View } from "./layout.ts";

const PAIRS = 60;
const STATES = ["kept", "chosen", "candidate", "reserve", "dropped"];

/** What the page was asked for, as in its address. */
export interface PairsRequest {
  query: string;
  text: string;
  state: string;
  reason: string;
  after: string;
}

/** Pairs with their pictures, filtered by query, words, state and reason. */
export function pairsPage(db: Database, view: View, request: PairsRequest): Html {
  const term = request.query.trim();
  const query = term === "" ? undefined : findQuery(db, term);
  const { text, state, reason, after } = request;
  const unknown = term !== "" && query === undefined;
  const pairs = unknown ? [] : findPairs(db, { query, text, state, reason }, PAIRS + 1, after);
  const shown = pairs.slice(0, PAIRS);
  const next = pairs.length > PAIRS ? shown.at(-1)?.place : undefined;
  return layout(
    view,
    term === "" ? "Pairs" : `${shorten(term, 40)}: pairs`,
    html`<h1>${term === "" ? "Pairs" : found(term, 60)}</h1>
${query && html`<p class="lead">${count(query.matched)} captions contain it; ${count(query.kept)} pairs are kept on account of it.</p>`}`,
    filterForm(db, request),
    unknown
      ? html`<p class="notice">“${found(term, 60)}” is not on the query list of this data set.</p>`
      : pairGrid(view, shown),
    html`<p class="pages">${after !== "" && html`<a href="${link("/pairs", { ...request, after: "" })}" accesskey="p">First page</a>`}
${next !== undefined && html`<a rel="next" accesskey="n" href="${link("/pairs", { ...request, after: next })}">Next</a>`}</p>`,
  );
}

function filterForm(db: Database, { query, text, state, reason }: PairsRequest): Html {
  const reasons = db
    .prepare<[], { reason: string; pairs: number }>(
      "SELECT reason, count(*) AS pairs FROM pair WHERE state = 'dropped' GROUP BY reason ORDER BY pairs DESC, reason",
    )
    .all();
  const option = (value: string, label: string, chosen: string) =>
    html`<option value="${value}"${value === chosen && html` selected`}>${label}</option>`;
  return html`<form class="filter" action="/pairs">
<label>Query <input type="search" name="query" value="${query}" accesskey="s"></label>
<label>Words in the caption <input type="search" name="text" value="${text}"></label>
<label>State <select name="state">${option("", "any", state)}${STATES.map((name) => option(name, name, state))}</select></label>
<label>Reason <select name="reason">${option("", "any", reason)}${reasons.map((row) => option(row.reason, `${row.reason} (${count(row.pairs)})`, reason))}</select></label>
<button>Show</button></form>`;
}
