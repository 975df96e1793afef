import type { Candidate } from "../../../store/types.ts";
import type { EarlyDrop } from "../source.ts";

/** One page of a search's answer. */
export interface SearchPage {
  candidates: Candidate[];
  drops: EarlyDrop[];
  /** What asks for the next page; undefined when there is none. */
  next: string | undefined;
}

/** A picture search on the web that is asked query by query. */
export interface SearchApi {
  /** As `--search` names it; also the pairs' source. */
  name: string;
  /** The address of a query's page; `cursor` is the page before's `next`. */
  request: (term: string, cursor: string | undefined) => URL;
  /**
   * Reads an answer.
   * @param retryAfter the header of that name.
   * @throws FetchError: `retry later` when the server is busy, `give up` when it refuses this query; Error when it
   * refuses all.
   */
  parse: (answer: unknown, term: string, cursor: string | undefined, retryAfter: string | undefined) => SearchPage;
}

type Value = Record<string, unknown>;

/** A field of an answer as an object; empty when it is none. */
export function objectAt(value: unknown, ...path: string[]): Value {
  let at = value;
  for (const key of path) at = (at as Value | null | undefined)?.[key];
  return typeof at === "object" && at !== null ? (at as Value) : {};
}

/** A field of an answer as a list; empty when it is none. */
export function listAt(value: unknown, key: string): unknown[] {
  const list = (value as Value | null | undefined)?.[key];
  return Array.isArray(list) ? list : [];
}

/** A field of an answer as text; empty when it is missing. */
export function textAt(value: unknown, key: string): string {
  const text = (value as Value | null | undefined)?.[key];
  return typeof text === "string" || typeof text === "number" ? String(text) : "";
}
