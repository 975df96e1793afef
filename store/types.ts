/** The four things that travel through the pipeline, one type an arrow (see README, "Layout"). */

/** Where a query came from; the order is the order in which a term's sources are listed. */
export type TermSource = "unigram" | "bigram" | "title" | "synset";

/** One entry of the query list: queries/ -> filters/matcher.ts. */
export interface Term {
  /** Lower-cased, NFC, words separated by one space. */
  term: string;
  /** The source that put it on the list first. */
  source: TermSource;
  /** Occurrences in the corpus; 0 when the source has no counts (a synset that is no frequent word). */
  count: number;
  /** The source's ranking value: log10 count for words, PMI for bigrams, views for titles, 0 for synsets. */
  score: number;
}

/** How a caption stood beside its picture; also its preference when one picture has several. */
export const CAPTION_KINDS = ["figcaption", "json-ld", "alt", "title", "sitemap", "preview", "list"] as const;
export type CaptionKind = (typeof CAPTION_KINDS)[number];

/** An image address with a text that may describe it: crawler/sources/ -> filters/. */
export interface Candidate {
  /** Absolute http(s) address, normalised by {@link normaliseUrl}. */
  imageUrl: string;
  /** The page it was found on; absent for lists that do not say. */
  pageUrl?: string;
  /** Cleaned by filters/caption/clean.ts. */
  caption: string;
  kind: CaptionKind;
  /** `web`, `url-list`, ... */
  source: string;
  /** Licence address or name the page or list states. */
  licence?: string;
  /** Opt-out signals that apply to the picture, e.g. `x-robots-tag: noai`; empty when none was seen. */
  optOut?: string[];
}

/** A candidate under its identity, with the queries found in its caption: filters/ -> store/ -> crawler/download.ts. */
export interface Pair extends Candidate {
  /** 16 hexadecimal digits, see {@link pairId}. */
  id: string;
  /** Ids of the queries whose term the caption contains, ascending. */
  queries: number[];
}

/** A pair with its picture, ready for a shard: crawler/download.ts -> store/shards.ts. */
export interface Sample {
  pair: Pair;
  /** The encoded picture as it goes into the shard. */
  image: Uint8Array;
  width: number;
  height: number;
  /** SHA-256 of the bytes the host sent, hexadecimal. */
  sha256: string;
}
