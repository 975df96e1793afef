/** What travels through the pipeline, one type an arrow; a pair is a row of the table `pair`, a sample `SampleMetadata` in parquet.ts. */

/** Where a query came from; the order is the order in which a term's sources are listed. */
export type TermSource = "unigram" | "bigram" | "title" | "synset";

/** One entry of the query list: queries/ -> filters/matcher.ts. */
export interface Term {
  /** Lower-cased (unless built with --case keep), NFC, single spaces; no two terms are the same words to the matcher. */
  term: string;
  /** The source that put it on the list first. */
  source: TermSource;
  /** Occurrences in the corpus; 0 when the source has no counts (a synset that is no frequent word). */
  count: number;
  /** The source's ranking value: log10 count for words, PMI for bigrams, views for titles, 0 for synsets. */
  score: number;
  /** All sources that hold it, in the order of {@link TermSource}. */
  sources?: TermSource[];
  /** Page views of the titles that are this term; 0 when none was read. */
  views?: number;
}

/** How a caption stood beside its picture; also its preference when one picture has several. */
export const CAPTION_KINDS = ["figcaption", "json-ld", "alt", "title", "sitemap", "preview", "list"] as const;
export type CaptionKind = (typeof CAPTION_KINDS)[number];

/** Where a source found a candidate, as far as it says; becomes `origin` in the sample's json. */
export interface Origin {
  /** The list, archive, folder or shard, as it was named. */
  file?: string;
  /** Row of a list, from 0. */
  row?: number;
  /** Byte at which the archive's record (its gzip member) begins. */
  offset?: number;
  /** The query a search was asked, and the page of its answer, from 1. */
  query?: string;
  page?: number;
  /** When the page or answer was fetched, ISO 8601. */
  date?: string;
  /** Language the page or row states (BCP 47). */
  language?: string;
  author?: string;
  /** Columns of a list that were asked for with --save-cols. */
  columns?: Record<string, unknown>;
  /** Where the picture's bytes lie on this machine, when they need not be fetched; not in the samples. */
  picture?: { file: string; offset?: number; bytes?: number };
}

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
  origin?: Origin;
  /** `sha256:...` or `md5:...` of the picture's bytes, when the source states it. */
  checksum?: string;
  /** Licence address or name the page or list states. */
  licence?: string;
  /** Opt-out signals that apply to the picture, e.g. `x-robots-tag: noai`; empty when none was seen. */
  optOut?: string[];
}
