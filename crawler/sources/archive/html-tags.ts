/**
 * Element names as 32-bit numbers (FNV-1a of the lower-case name), so that a scanner compares numbers instead of making
 * strings; and what htmlparser2, which the crawler's extraction runs on, closes without being told.
 */

/** FNV-1a's constants; the first as a signed number, as all later ones are. */
export const NAME_SEED = 0x811c9dc5 | 0;
export const NAME_FACTOR = 0x01000193;

/** The number of a name: of letters, digits and "-", which the bit that makes letters small ones leaves as they are. */
export function tagId(name: string): number {
  let id = NAME_SEED;
  for (let i = 0; i < name.length; i++) id = Math.imul(id ^ (name.charCodeAt(i) | 32), NAME_FACTOR);
  return id;
}

const ids = (names: string) => new Set(names.split(" ").map(tagId));

const VOID_NAMES =
  "area base basefont br col command embed frame hr img input isindex keygen link meta param source track wbr";
const FOREIGN_NAMES = "math svg";
const INTEGRATION_NAMES = "mi mo mn ms mtext annotation-xml foreignobject desc title";
const [VOID, FOREIGN, INTEGRATION] = [ids(VOID_NAMES), ids(FOREIGN_NAMES), ids(INTEGRATION_NAMES)];

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

/** What is special about an element; most have no entry. */
export interface TagRules {
  id: number;
  /** Has no end tag. */
  empty: boolean;
  /** Its content follows XML's rules (true), or goes back to HTML's (false). */
  foreign: boolean | undefined;
  /** Bits of the open elements that its start tag ends. */
  closes: number;
  /** Its own bit, if start tags of others end it. */
  bit: number;
  /** Its name, when its content is text up to its end tag. */
  raw: string | undefined;
  /** Attributes that are taken down, by their names' numbers. */
  wanted: ReadonlyMap<number, string> | undefined;
  /** Whether its rel may name a licence. */
  links: boolean;
}

/** Twice as many places as entries and more: hardly ever is one taken. */
const PLACES = 1024;
const rules: (TagRules | undefined)[] = new Array(PLACES).fill(undefined);

/** The rules for an element; one look-up a tag. */
export function rulesOf(id: number): TagRules | undefined {
  for (let at = (id ^ (id >>> 16)) & (PLACES - 1); ; at = (at + 1) & (PLACES - 1)) {
    const entry = rules[at];
    if (entry === undefined || entry.id === id) return entry;
  }
}

function addRules(name: string): TagRules {
  const id = tagId(name);
  let entry = rulesOf(id);
  if (!entry) {
    const foreign = FOREIGN.has(id) ? true : INTEGRATION.has(id) ? false : undefined;
    const empty = VOID.has(id);
    entry = { id, empty, foreign, closes: 0, bit: 0, raw: undefined, wanted: undefined, links: false };
    let at = (id ^ (id >>> 16)) & (PLACES - 1);
    while (rules[at] !== undefined) at = (at + 1) & (PLACES - 1);
    rules[at] = entry;
  }
  return entry;
}

for (const name of `${VOID_NAMES} ${FOREIGN_NAMES} ${INTEGRATION_NAMES}`.split(" ")) addRules(name);
let bits = 0;
for (const [name, closed] of [...CLOSED_BY, ...CLOSE_P.split(" ").map((name) => [name, "p"] as const)]) {
  for (const other of closed.split(" ").map(addRules)) {
    other.bit ||= 1 << bits++;
    addRules(name).closes |= other.bit;
  }
}
for (const name of ["script", "style", "title", "textarea", "xmp"]) addRules(name).raw = name;
for (const name of ["a", "link"]) addRules(name).links = true;

/** Names of attributes by their numbers. */
export function attributesOf(names: readonly string[]): ReadonlyMap<number, string> {
  return new Map(names.map((name) => [tagId(name), name]));
}

/** Has the attributes `names` of an element taken down. */
export function wantAttributes(name: string, names: readonly string[]): void {
  addRules(name).wanted = attributesOf(names);
}
