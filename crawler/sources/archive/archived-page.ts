import { isUtf8 } from "node:buffer";
import { cleanCaption } from "../../../filters/caption/clean.ts";
import { normaliseUrl } from "../../../store/pair-id.ts";
import type { CaptionKind } from "../../../store/types.ts";
import { type Extracted, extractPage } from "../../extract.ts";
import { metaOptOut } from "../../opt-out.ts";
import { chooseCandidate, parseSrcset } from "../../srcset.ts";
import { encodingOf } from "./html-charset.ts";
import { type Attributes, type Scanned, scanHtml } from "./html-scan.ts";

const MAX_PAIRS = 2_000;
const LAZY_ADDRESSES = ["data-src", "data-original", "data-lazy-src", "data-lazy"];
const LAZY_SRCSETS = ["data-srcset", "data-lazy-srcset", "srcset"];

/**
 * What the crawler's extractPage finds, less the links, many times faster: for archives, where pages come by the
 * thousand a second. Pages in encodings that have to be decoded first go the crawler's way.
 * @param charset the label from the Content-Type header, if any.
 */
export function extractArchivedPage(
  body: Buffer,
  address: string,
  charset: string | undefined,
  agent: string,
): Omit<Extracted, "links"> {
  const encoding = encodingOf(body, charset, isUtf8(body) ? "utf-8" : "windows-1252");
  if (encoding === undefined) return extractPage(body, address, charset, agent);
  const scanned = scanHtml(body, encoding);
  const base = URL.parse(scanned.base ?? "", address)?.href ?? address;
  const metas = scanned.metas.map((meta) => ({ name: meta.get("name") ?? "", content: meta.get("content") ?? "" }));
  const result: Omit<Extracted, "links"> = {
    found: [],
    noText: { count: 0, example: "" },
    badUrl: { count: 0, example: "" },
    optOut: metaOptOut(metas, agent),
  };
  const licence = scanned.licence === undefined ? undefined : normaliseUrl(scanned.licence, base);
  if (licence) result.licence = licence;
  for (const [imageUrl, texts] of picturesOf(scanned, base, result)) {
    if (texts.size === 0) {
      result.noText.count++;
      result.noText.example ||= imageUrl;
    }
    for (const [caption, kind] of texts)
      if (result.found.length < MAX_PAIRS) result.found.push({ imageUrl, caption, kind });
  }
  return result;
}

/** Each picture's address with its texts. */
function picturesOf(scanned: Scanned, base: string, result: Pick<Extracted, "badUrl">) {
  const pictures = new Map<string, Map<string, CaptionKind>>();
  for (const { attributes, figure, picture } of scanned.images) {
    const source = addressOf(attributes, picture?.sources ?? []);
    const imageUrl = source === undefined ? undefined : normaliseUrl(source, base);
    if (!imageUrl) {
      result.badUrl.count++;
      result.badUrl.example ||= (source ?? "no address").slice(0, 200);
      continue;
    }
    let texts = pictures.get(imageUrl);
    if (!texts) {
      texts = new Map();
      pictures.set(imageUrl, texts);
    }
    for (const [kind, text] of [
      ["figcaption", figure?.caption?.join("") ?? ""],
      ["alt", attributes.get("alt") ?? ""],
      ["title", attributes.get("title") ?? ""],
    ] as const) {
      const caption = text === "" ? "" : cleanCaption(text);
      if (caption !== "" && !texts.has(caption)) texts.set(caption, kind);
    }
  }
  return pictures;
}

/** The address to fetch: from srcsets, else lazy-loading attributes, else src; as the crawler chooses it. */
function addressOf(image: Attributes, sources: readonly Attributes[]): string | undefined {
  const first = (names: readonly string[]) => names.map((name) => image.get(name)).find((value) => value);
  let candidates: ReturnType<typeof parseSrcset> | undefined;
  for (const element of [...sources, image]) {
    if (element.get("type")?.includes("svg")) continue;
    const srcset = LAZY_SRCSETS.map((name) => element.get(name)).find((value) => value);
    if (srcset) candidates = [...(candidates ?? []), ...parseSrcset(srcset)];
  }
  return (candidates && chooseCandidate(candidates)) ?? first(LAZY_ADDRESSES) ?? image.get("src");
}
