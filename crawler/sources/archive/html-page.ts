import { LAZY_ADDRESSES, LAZY_SRCSETS } from "../../extract.ts";
import type { SrcsetCandidate } from "../../srcset.ts";
import { rulesOf, type TagRules, tagId, wantAttributes } from "./html-tags.ts";

/** Attributes of an element by name, the first of each name, as far as {@link WANTED} has them. */
export type Attributes = Map<string, string>;

/** A picture element's sources, and what their srcsets offer once somebody asked: it is the same for all its images. */
export interface Picture {
  sources: Attributes[];
  candidates?: SrcsetCandidate[];
}

/** A figure's first caption. */
export interface Figure {
  caption: Caption | undefined;
}

/** Where the texts of a figcaption begin among all, and where they end. */
interface Caption {
  from: number;
  to: number;
  text: string | undefined;
}

/** An img element with what surrounds it. */
export interface Image {
  attributes: Attributes;
  figure: Figure | undefined;
  picture: Picture | undefined;
}

/** A noscript element, the img right before it, and where those in it begin among all images, and where they end. */
export interface Noscript {
  before: Image | undefined;
  from: number;
  to: number;
}

/** What is found on a page, in the page's order. */
export interface Scanned {
  images: Image[];
  noscripts: Noscript[];
  /** All text inside figcaptions, see {@link captionOf}. */
  texts: string[];
  /** Texts of the scripts that are JSON-LD. */
  jsonLd: string[];
  base: string | undefined;
  metas: Attributes[];
  licence: string | undefined;
}

const IMG = tagId("img");
const SOURCE = tagId("source");
const BASE = tagId("base");
const META = tagId("meta");
const FIGURE = tagId("figure");
const FIGCAPTION = tagId("figcaption");
const PICTURE = tagId("picture");
const NOSCRIPT = tagId("noscript");
const P = tagId("p");
const BR = tagId("br");
/** The attributes that are taken down, by element. */
const WANTED: Record<string, string[]> = {
  img: ["src", "alt", "title", "type", "width", "height", ...LAZY_ADDRESSES, ...LAZY_SRCSETS],
  source: ["type", ...LAZY_SRCSETS],
  base: ["href"],
  meta: ["name", "property", "content"],
};
for (const [name, attributes] of Object.entries(WANTED)) wantAttributes(name, attributes);

/** Elements that are open deeper than this are none. */
const MAX_DEPTH = 100_000;
/** Of a picture element so many sources are looked at. */
const MAX_SOURCES = 100;
/** Elements that are looked at in search of those that end tags name: only a page made to keep us busy needs more. */
const MAX_SEARCHED = 50_000_000;
/** Of a longer caption this much is enough to see that it is too long. */
const MAX_CAPTION = 10_000;

/** The text of a figure's first figcaption. */
export function captionOf({ texts }: Scanned, figure: Figure | undefined): string {
  const caption = figure?.caption;
  if (!caption) return "";
  if (caption.text === undefined) {
    let text = "";
    const end = Math.min(caption.to, texts.length);
    for (let i = caption.from; i < end && text.length < MAX_CAPTION; i++) text += texts[i];
    caption.text = text;
  }
  return caption.text;
}

function enlarged(full: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * full.length);
  larger.set(full);
  return larger;
}

/**
 * Puts the tags of a page together, as they come: which elements are open, what a tag closes that has no end tag of its own,
 * and what is found in them. It keeps no tree, only the way down to the element that is open.
 */
export class PageBuilder {
  readonly result: Scanned = {
    images: [],
    noscripts: [],
    texts: [],
    jsonLd: [],
    base: undefined,
    metas: [],
    licence: undefined,
  };
  /** Open elements by depth: their numbers, and the bits by which others may close them. */
  #open: Int32Array<ArrayBuffer> = new Int32Array(256);
  #bits: Int32Array<ArrayBuffer> = new Int32Array(256);
  #depth = 0;
  #figures: Figure[] = [];
  #pictures: Picture[] = [];
  #noscripts: Noscript[] = [];
  /** The img that is the last child so far of the element open at `#lastDepth`. */
  #last: Image | undefined;
  #lastDepth = 0;
  /** Captions that are open. */
  #captions: Caption[] = [];
  #foreign: boolean[] = [false];
  #searched = 0;

  /** Whether text that comes now is part of a caption; no other is wanted. */
  get inCaption(): boolean {
    return this.#captions.length > 0;
  }

  /** Text, while {@link inCaption}. */
  text(text: string): void {
    this.result.texts.push(text);
  }

  /**
   * A start tag.
   * @param rules those of `rulesOf(id)`.
   * @param selfClosing whether the tag ends in "/>", which counts in SVG and MathML only.
   * @param attributes missing for an element of which none is wanted.
   */
  start(id: number, rules: TagRules | undefined, selfClosing: boolean, attributes: Attributes | undefined): void {
    const closes = rules?.closes ?? 0;
    if (closes !== 0) while (this.#depth > 0 && ((this.#bits[this.#depth - 1] as number) & closes) !== 0) this.#pop();
    if (rules?.empty) {
      this.#last = undefined;
    } else {
      this.#push(id, rules?.bit ?? 0);
      if (rules?.foreign !== undefined) this.#foreign.push(rules.foreign);
      if (selfClosing && this.#foreign.at(-1)) this.#pop();
    }
    if (attributes) this.#take(id, attributes);
  }

  /**
   * An end tag.
   * @returns whether to go on: a page that only keeps us busy is left.
   */
  end(id: number): boolean {
    const rules = rulesOf(id);
    if (rules?.foreign !== undefined) this.#foreign.pop();
    const open = this.#open;
    let depth = this.#depth;
    if (depth > 0 && open[depth - 1] === id) {
      this.#pop();
    } else if (!rules?.empty) {
      while (depth > 0 && open[depth - 1] !== id) depth--;
      this.#searched += this.#depth - depth;
      if (depth > 0) while (this.#depth >= depth) this.#pop();
      // "</p>" alone makes an empty one.
      else if (id === P) this.#last = undefined;
    } else if (id === BR) {
      // "</br>" makes one, too.
      this.#last = undefined;
    }
    return this.#searched <= MAX_SEARCHED;
  }

  /** Takes down what the attributes of an element that has just begun tell. */
  #take(id: number, attributes: Attributes): void {
    const { result } = this;
    if (id === IMG) {
      const image = { attributes, figure: this.#figures.at(-1), picture: this.#pictures.at(-1) };
      result.images.push(image);
      this.#last = image;
      this.#lastDepth = this.#depth;
    } else if (id === SOURCE) {
      if (this.#depth === 0 || this.#open[this.#depth - 1] !== PICTURE) return;
      const sources = this.#pictures.at(-1)?.sources;
      if (sources && sources.length < MAX_SOURCES) sources.push(attributes);
    } else if (id === BASE) {
      result.base ??= attributes.get("href");
    } else if (id === META) {
      result.metas.push(attributes);
    } else {
      const rel = attributes.get("rel");
      if (rel !== undefined && /(?:^|\s)license(?:\s|$)/i.test(rel)) result.licence ??= attributes.get("href");
    }
  }

  #pop(): void {
    const id = this.#open[--this.#depth];
    if (id === FIGURE) this.#figures.pop();
    else if (id === PICTURE) this.#pictures.pop();
    else if (id === FIGCAPTION) {
      const caption = this.#captions.pop();
      if (caption) caption.to = this.result.texts.length;
    } else if (id === NOSCRIPT) {
      const noscript = this.#noscripts.pop();
      if (noscript) noscript.to = this.result.images.length;
    }
  }

  #push(id: number, bit: number): void {
    const depth = this.#depth;
    if (depth >= MAX_DEPTH) return;
    if (depth === this.#open.length) {
      this.#open = enlarged(this.#open);
      this.#bits = enlarged(this.#bits);
    }
    this.#open[depth] = id;
    this.#bits[depth] = bit;
    this.#depth = depth + 1;
    if (id === NOSCRIPT) {
      const from = this.result.images.length;
      const before = this.#lastDepth === depth ? this.#last : undefined;
      const noscript = { before, from, to: Number.POSITIVE_INFINITY };
      this.#noscripts.push(noscript);
      this.result.noscripts.push(noscript);
    } else if (id === FIGURE) this.#figures.push({ caption: undefined });
    else if (id === PICTURE) this.#pictures.push({ sources: [] });
    else if (id === FIGCAPTION) {
      const caption = { from: this.result.texts.length, to: Number.POSITIVE_INFINITY, text: undefined };
      this.#captions.push(caption);
      // All around a figure that has one have one, too.
      for (let i = this.#figures.length - 1; i >= 0; i--) {
        const figure = this.#figures[i];
        if (!figure || figure.caption) break;
        figure.caption = caption;
      }
    }
    this.#last = undefined;
  }
}
