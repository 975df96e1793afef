/** Finished markup. Only {@link html} and {@link raw} make it, so that text can never pass for it. */
export class Html {
  readonly #markup: string;

  constructor(markup: string) {
    this.#markup = markup;
  }

  toString(): string {
    return this.#markup;
  }
}

/** What may stand in a template; text is escaped, lists are joined, undefined and false are left out. */
export type Part = Html | string | number | undefined | false | readonly Part[];

/**
 * Template tag: the template is trusted, everything put into it is not and is escaped, for text and quoted attributes
 * alike. Attributes must be quoted.
 */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const pieces = strings.map((text, i) => text + (i < parts.length ? render(parts[i]) : ""));
  return new Html(pieces.join(""));
}

/** Takes text as finished markup: for our own style sheet and data: addresses, never for anything found. */
export function raw(markup: string): Html {
  return new Html(markup);
}

/** Text in which nothing is markup any more, without control characters. */
export function escapeHtml(text: string): string {
  return text
    .replace(/\p{Cc}/gu, " ")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

function render(part: Part): string {
  if (part === undefined || part === false) return "";
  if (part instanceof Html) return part.toString();
  if (typeof part === "number") return String(part);
  if (typeof part === "string") return escapeHtml(part);
  return part.map(render).join("");
}
