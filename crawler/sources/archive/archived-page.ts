import { normaliseUrl } from "../../../store/pair-id.ts";
import { charsetOf } from "../../charset.ts";
import { type Extracted, extractPage, LAZY_ADDRESSES, LAZY_SRCSETS, Pictures, pixels } from "../../extract.ts";
import { ofUsualLength } from "../../links.ts";
import { metaOptOut, tdmMeta } from "../../opt-out.ts";
import { chooseCandidate, parseSrcset, type SrcsetCandidate } from "../../srcset.ts";
import { imageObjects, previewImages } from "../../structured.ts";
import { type Attributes, captionOf, type Image, type Picture, type Scanned } from "./html-page.ts";
import { scanHtml } from "./html-scan.ts";

/** Encodings whose ASCII bytes are ASCII wherever they stand between "<", ">", quotes and "=": tags are found in the bytes. */
const ASCII_BASED =
  /^(?:utf-8|windows-125\d|iso-8859-\d+(?:-i)?|koi8-[ru]|macintosh|x-mac-cyrillic|windows-874|ibm866|gbk|gb18030|big5|euc-jp|euc-kr|shift_jis)$/;

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
): Omit<Extracted, "links" | "canonical"> {
  const encoding = charsetOf(body, charset);
  if (!ASCII_BASED.test(encoding)) return extractPage(body, address, charset, agent);
  const scanned = scanHtml(body, encoding);
  const base = ofUsualLength(normaliseUrl(scanned.base ?? "", address)) ?? address;
  const metas = scanned.metas.map((meta) => ({
    name: meta.get("name") ?? meta.get("property") ?? "",
    content: meta.get("content") ?? "",
  }));
  const pictures = new Pictures(base);
  for (const { attributes, figure, picture } of withoutTwins(scanned)) {
    pictures.add(addressOf(attributes, picture), [
      ["figcaption", captionOf(scanned, figure)],
      ["alt", attributes.get("alt") ?? ""],
      ["title", attributes.get("title") ?? ""],
    ]);
    if (pictures.full) break;
  }
  for (const text of scanned.jsonLd)
    for (const described of imageObjects(text)) pictures.addDescribed(described, "json-ld");
  for (const described of previewImages(metas)) pictures.addDescribed(described, "preview");
  const result: Omit<Extracted, "links" | "canonical"> = { ...pictures.result(), optOut: metaOptOut(metas, agent) };
  const tdm = tdmMeta(metas);
  if (tdm !== undefined) result.tdm = tdm;
  const licence = scanned.licence === undefined ? undefined : ofUsualLength(normaliseUrl(scanned.licence, base));
  if (licence) result.licence = licence;
  return result;
}

/** The images, without those that only stand in for the one in a noscript right behind; as the crawler tells them apart. */
function withoutTwins({ images, noscripts }: Scanned): readonly Image[] {
  const standIns = new Set<Image>();
  for (const { before, from, to } of noscripts) {
    const real = images[from];
    if (!before || !real || Math.min(to, images.length) - from !== 1) continue;
    const [alt = "", realAlt = ""] = [before.attributes.get("alt"), real.attributes.get("alt")];
    if (alt !== "" && realAlt !== "" && alt !== realAlt) continue;
    for (const name of ["alt", "title"]) {
      const text = before.attributes.get(name);
      if (text && !real.attributes.get(name)) real.attributes.set(name, text);
    }
    standIns.add(before);
  }
  return standIns.size === 0 ? images : images.filter((image) => !standIns.has(image));
}

/** The address to fetch: from srcsets, else lazy-loading attributes, else src; as the crawler chooses it. */
function addressOf(image: Attributes, picture: Picture | undefined): string | undefined {
  if (picture) picture.candidates ??= picture.sources.flatMap(srcsetOf);
  const own = srcsetOf(image);
  const candidates = picture?.candidates?.length ? [...picture.candidates, ...own] : own;
  if (candidates.length > 0) {
    const layout = { width: pixels(image.get("width")), height: pixels(image.get("height")) };
    const best = chooseCandidate(candidates, layout);
    if (best !== undefined) return best;
  }
  return firstOf(image, LAZY_ADDRESSES) ?? image.get("src");
}

const NONE: readonly SrcsetCandidate[] = [];

function srcsetOf(element: Attributes): readonly SrcsetCandidate[] {
  if (element.get("type")?.includes("svg")) return NONE;
  const srcset = firstOf(element, LAZY_SRCSETS);
  return srcset ? parseSrcset(srcset) : NONE;
}

function firstOf(element: Attributes, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = element.get(name);
    if (value) return value;
  }
  return undefined;
}
