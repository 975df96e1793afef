import type { Database } from "../database.ts";
import { type Html, html } from "../report/html.ts";
import { dataTable, found } from "../report/parts.ts";
import { count } from "../report/text.ts";
import type { QueryRow } from "../stats.ts";
import { layout, link, type View } from "./layout.ts";

const ROWS = 100;

/** The query list, largest first, searched by its beginning or any part. */
export function queriesPage(db: Database, view: View, search: string, page: number): Html {
  const wanted = search.normalize("NFC").toLowerCase().trim();
  const rows = db
    .prepare<[{ wanted: string; offset: number }], QueryRow>(
      `SELECT term AS query, source, wiki_count, matched, chosen, downloaded, kept FROM query
       ${wanted === "" ? "" : "WHERE instr(term, @wanted)"} ORDER BY ${wanted === "" ? "" : "term = @wanted DESC, "}kept DESC, matched DESC, id
       LIMIT ${ROWS + 1} OFFSET @offset`,
    )
    .all({ wanted, offset: page * ROWS });
  return layout(
    view,
    "Queries",
    html`<h1>Queries</h1>
<form class="filter" action="/queries"><label>Search <input type="search" name="q" value="${search}" accesskey="s" autofocus></label><button>Search</button></form>`,
    rows.length === 0
      ? html`<p class="notice">No query of the list contains that.</p>`
      : dataTable(
          [
            { name: "Query" },
            { name: "Source" },
            { name: "In the corpus", number: true },
            { name: "Matched", number: true },
            { name: "Chosen", number: true },
            { name: "Kept", number: true },
          ],
          rows
            .slice(0, ROWS)
            .map((row) => [
              html`<a href="${link("/pairs", { query: row.query })}">${found(row.query, 60)}</a>`,
              html`<span class="quiet">${row.source}</span>`,
              count(row.wiki_count),
              count(row.matched),
              count(row.chosen),
              count(row.kept),
            ]),
        ),
    html`<p class="pages">${page > 0 && html`<a rel="prev" accesskey="p" href="${link("/queries", { q: search, page: page - 1 })}">Previous</a>`}
${rows.length > ROWS && html`<a rel="next" accesskey="n" href="${link("/queries", { q: search, page: page + 1 })}">Next</a>`}</p>`,
  );
}
