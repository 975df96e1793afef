import { Parser } from "htmlparser2";
import { cleanCaption } from "../filters/caption/clean.ts";
import { normaliseUrl } from "../store/pair-id.ts";
import { ofUsualLength } from "./links.ts";

/** A picture of a sitemap's image entries, with its caption or else its title. */
export interface SitemapImage {
  imageUrl: string;
  caption: string;
  pageUrl: string;
  licence?: string;
}

/** What a sitemap or sitemap index holds. */
export interface Sitemap {
  /** Addresses of pages and of further sitemaps. */
  links: string[];
  images: SitemapImage[];
}

/** sitemaps.org: at most 50,000 addresses a file; of images at most 1,000 a page. */
const MAX_LINKS = 50_000;
const MAX_IMAGES = 50_000;
const MAX_TEXT = 10_000;

/** Reads a sitemap (sitemaps.org, with Google's image extension); undefined when the body is none. */
export function extractSitemap(body: Uint8Array): Sitemap | undefined {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length);
  if (!/<(?:\w+:)?(?:urlset|sitemapindex)[\s>]/i.test(bytes.toString("latin1", 0, 2_000))) return undefined;
  const links = new Set<string>();
  const images: SitemapImage[] = [];
  let page = "";
  let image: Record<string, string> = {};
  let text = "";
  const parser = new Parser(
    {
      onopentag: (name) => {
        text = "";
        if (name === "url") page = "";
        else if (name === "image:image") image = {};
      },
      ontext: (piece) => {
        if (text.length < MAX_TEXT) text += piece;
      },
      onclosetag: (name) => {
        if (name === "loc" && links.size < MAX_LINKS) {
          page = ofUsualLength(normaliseUrl(text)) ?? "";
          if (page !== "") links.add(page);
        } else if (name === "image:image") {
          const found = imageOf(image, page);
          if (found && images.length < MAX_IMAGES) images.push(found);
        } else if (name.startsWith("image:")) {
          image[name] = text;
        }
        text = "";
      },
    },
    { xmlMode: true, decodeEntities: true },
  );
  parser.write(bytes.toString("utf8"));
  parser.end();
  return { links: [...links], images };
}

function imageOf(entry: Record<string, string>, pageUrl: string): SitemapImage | undefined {
  const imageUrl = normaliseUrl(entry["image:loc"] ?? "", pageUrl || undefined);
  const caption = cleanCaption(entry["image:caption"] ?? "") || cleanCaption(entry["image:title"] ?? "");
  if (!imageUrl || caption === "" || pageUrl === "") return undefined;
  const licence = normaliseUrl(entry["image:license"] ?? "");
  return licence ? { imageUrl, caption, pageUrl, licence } : { imageUrl, caption, pageUrl };
}
