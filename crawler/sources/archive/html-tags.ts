/**
 * Element names as 32-bit numbers (FNV-1a of the lower-case name), so that a scanner compares numbers instead of making
 * strings; and what htmlparser2, which the crawler's extraction runs on, closes without being told.
 */

/** The number of a name. */
export function tagId(name: string): number {
  let id = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) id = Math.imul(id ^ name.charCodeAt(i), 0x01000193);
  return id;
}

const ids = (names: string) => new Set(names.split(" ").map(tagId));

const VOID = ids(
  "area base basefont br col command embed frame hr img input isindex keygen link meta param source track wbr",
);
const FOREIGN = ids("math svg");
const INTEGRATION = ids("mi mo mn ms mtext annotation-xml foreignobject desc title");

const FORM = "input option optgroup select button datalist textarea";
const CLOSED_BY: [string, string][] = [
  ["tr", "tr th td"],
  ["th", "th"],
  ["td", "thead th td"],
  ["body", "head link script"],
  ["li", "li"],
  ["select", FORM],
  ["input", FORM],
  ["output", FORM],
  ["button", FORM],
  ["datalist", FORM],
  ["textarea", FORM],
  ["option", "option"],
  ["optgroup", "optgroup option"],
  ["dd", "dt dd"],
  ["dt", "dt dd"],
  ["rt", "rt rp"],
  ["rp", "rt rp"],
  ["tbody", "thead tbody"],
  ["tfoot", "thead tbody"],
];
const CLOSE_P =
  "p h1 h2 h3 h4 h5 h6 address article aside blockquote details div dl fieldset figcaption figure footer form header hr main nav ol pre section table ul";

const CLOSES: ReadonlyMap<number, ReadonlySet<number>> = new Map([
  ...CLOSED_BY.map(([name, closed]) => [tagId(name), ids(closed)] as const),
  ...CLOSE_P.split(" ").map((name) => [tagId(name), ids("p")] as const),
]);

/** What is special about an element; most are not in the table. */
export interface TagRules {
  /** Has no end tag. */
  empty: boolean;
  /** Its content follows XML's rules (true), or goes back to HTML's (false). */
  foreign: boolean | undefined;
  /** Open elements that its start tag ends. */
  closes: ReadonlySet<number> | undefined;
}

/** One look-up a tag. */
export const TAG_RULES: ReadonlyMap<number, TagRules> = new Map(
  [...VOID, ...FOREIGN, ...INTEGRATION, ...CLOSES.keys()].map((id) => [
    id,
    {
      empty: VOID.has(id),
      foreign: FOREIGN.has(id) ? true : INTEGRATION.has(id) ? false : undefined,
      closes: CLOSES.get(id),
    },
  ]),
);
