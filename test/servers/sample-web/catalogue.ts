import { normaliseUrl } from "../../../store/pair-id.ts";
import type { CaptionKind } from "../../../store/types.ts";

/** What the server does when a picture is asked for. */
export type Behaviour =
  | { kind: "emoji"; svg: string; size: number; format: "png" | "jpeg" }
  | { kind: "digits"; left: { digit: number; index: number }; right: { digit: number; index: number }; shift: number }
  | { kind: "same as"; path: string }
  | { kind: "noai"; path: string }
  | { kind: "redirect"; to: string }
  | { kind: "status"; status: number }
  | { kind: "blank"; width: number; height: number }
  | { kind: "truncated" | "html" | "svg" | "drip" | "endless" };

/** A picture on a page with its texts. */
export interface Shown {
  /** Path on the page's own site, or a whole address. */
  src: string;
  texts: Partial<Record<Exclude<CaptionKind, "list">, string>>;
  /** What a perfect crawl does with the pair of each text; left out when it is kept. */
  drops?: string;
  /** Whether the language rule decides. */
  foreign?: boolean;
}

/** One page. */
export interface Page {
  path: string;
  title: string;
  shown: Shown[];
  links: string[];
  /** Which of the markups of html.ts it is written in. */
  markup: number;
  /** `noai` pages carry the meta element; `forbidden` ones lie under robots.txt's Disallow. */
  special?: "noai" | "forbidden" | "latin1";
}

/** One virtual host. */
export interface Site {
  name: string;
  host: string;
  licence: string;
  pages: Map<string, Page>;
  pictures: Map<string, Behaviour>;
  robots: string;
  sitemap?: string[];
  /** Answers 503 to the first requests for pages. */
  failsFirst: number;
}

/** A whole address on a site. */
export function address(site: Site, path: string): string {
  return normaliseUrl(path, `http://${site.host}/`) ?? path;
}
