import type { FoundPair } from "../find-pairs.ts";
import { type Html, html, type Part } from "../report/html.ts";
import { found } from "../report/parts.ts";

/** What every page of the browser needs to know. */
export interface View {
  /** Proves that a form came from our own page. */
  token: string;
  marked: (id: string) => boolean;
  marks: number;
  /** This page's own address: where a form returns to. */
  here: string;
}

/** A page of the browser. It has no script: links and forms do everything, so the keyboard does too. */
export function layout(view: View, title: string, ...content: readonly Part[]): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="stylesheet" href="/style.css">
</head>
<body class="browse">
<a class="skip" href="#content">Skip to the pairs</a>
<nav><a href="/queries" accesskey="q">Queries</a><a href="/pairs" accesskey="a">Pairs</a><a href="/marked" accesskey="m">Marked (${view.marks})</a></nav>
<main id="content" tabindex="-1">
${content}
</main>
</body>
</html>
`;
}

/** The pairs of a page as cards. */
export function pairGrid(view: View, pairs: readonly FoundPair[]): Html {
  if (pairs.length === 0) return html`<p class="notice">No pair here.</p>`;
  return html`<ol class="pairs">${pairs.map((pair) => card(view, pair))}</ol>`;
}

function card(view: View, { id, caption, state, reason, file }: FoundPair): Html {
  const why = reason === null ? state : reason.replaceAll("_", " ");
  const picture =
    file === null
      ? html`<span class="frame missing">no picture</span>`
      : html`<span class="frame"><img src="/picture/${id}" alt="" loading="lazy"></span>`;
  return html`<li class="${view.marked(id) ? "marked" : ""}"><a href="/pair/${id}">${picture}<span class="caption">${found(caption, 140)}</span></a>
<div class="foot"><span class="state ${state}">${why}</span>${markForm(view, id)}</div></li>
`;
}

/** The button that marks a pair for removal. */
export function markForm(view: View, id: string): Html {
  const on = view.marked(id);
  return html`<form method="post" action="/mark"><input type="hidden" name="token" value="${view.token}"><input type="hidden" name="id" value="${id}"><input type="hidden" name="back" value="${view.here}"><button name="marked" value="${on ? "no" : "yes"}" aria-pressed="${on ? "true" : "false"}">${on ? "marked" : "mark"}</button></form>`;
}

/** A link within the browser; empty values are left out. */
export function link(path: string, values: Record<string, string | number | undefined>): string {
  const given = Object.entries(values).flatMap(([name, value]): [string, string][] =>
    value === undefined || value === "" ? [] : [[name, String(value)]],
  );
  const search = new URLSearchParams(given);
  return given.length === 0 ? path : `${path}?${search}`;
}
