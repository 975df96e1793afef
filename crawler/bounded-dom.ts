import { DomHandler, Parser } from "htmlparser2";

type Root = DomHandler["root"];

/** Real pages nest to about 50; selectors and text() are recursive in places. */
const MAX_DEPTH = 512;
const MAX_ATTRIBUTES = 256;
/** Ten times the largest real pages; what follows is left. */
const MAX_ELEMENTS = 200_000;
/** The parser itself keeps all that is open in an array it inserts at the front of: this many levels end the reading. */
const MAX_OPEN = 10_000;
/** What is read between two looks at these bounds. */
const PIECE = 16_384;

/** Builds a tree that no page can make too deep or too wide: what lies beyond hangs from the last level allowed. */
class BoundedHandler extends DomHandler {
  #elements = 0;
  #tooDeep = 0;

  constructor() {
    super();
    // One element around all, which no closing tag can close: selecting below a root of 100,000 children is quadratic.
    super.onopentag("page", {});
  }

  get exhausted(): boolean {
    return this.#elements > MAX_ELEMENTS || this.#tooDeep > MAX_OPEN;
  }

  override onopentag(name: string, attributes: Record<string, string>): void {
    if (++this.#elements > MAX_ELEMENTS || this.tagStack.length >= MAX_DEPTH) {
      this.#tooDeep++;
      return;
    }
    const names = Object.keys(attributes);
    if (names.length <= MAX_ATTRIBUTES) super.onopentag(name, attributes);
    else
      super.onopentag(
        name,
        Object.fromEntries(names.slice(0, MAX_ATTRIBUTES).map((key) => [key, attributes[key] ?? ""])),
      );
  }

  override onclosetag(): void {
    if (this.#tooDeep > 0) this.#tooDeep--;
    else super.onclosetag();
  }
}

/**
 * An HTML document as htmlparser2 reads it. Not as browsers do: their rules leave pictures inside noscript unparsed and
 * can be kept busy for a minute by a hostile page.
 */
export function parseBounded(html: string): Root {
  const handler = new BoundedHandler();
  const parser = new Parser(handler, { decodeEntities: true, lowerCaseTags: true, lowerCaseAttributeNames: true });
  for (let at = 0; at < html.length && !handler.exhausted; at += PIECE) parser.write(html.slice(at, at + PIECE));
  parser.end();
  return handler.root;
}
