import { load } from "cheerio";

/** Statements about rights in a picture's XMP packet. */
export interface XmpRights {
  licence?: string;
  copyright?: string;
  creator?: string;
  credit?: string;
  usageTerms?: string;
  /** Where the rights are stated in full. */
  statement?: string;
  /** As found, e.g. `plus:DataMining DMI-PROHIBITED-AIMLTRAINING`. */
  dataMining?: string;
}

/** Longer packets hold edit histories and embedded pictures; what is read here comes first in all that were seen. */
const MAX_BYTES = 256 * 1024;
const MAX_VALUE = 1000;

/** Property names with their usual prefix, by what they tell. A property is an element or an attribute in RDF/XML. */
const PROPERTIES: Record<Exclude<keyof XmpRights, "dataMining">, readonly string[]> = {
  licence: ["cc:license", "xmprights:license", "dcterms:license"],
  copyright: ["dc:rights"],
  creator: ["dc:creator"],
  credit: ["photoshop:credit"],
  usageTerms: ["xmprights:usageterms"],
  statement: ["xmprights:webstatement"],
};

/**
 * Reads the rights of an XMP packet (ISO 16684-1): Dublin Core, XMP Rights Management, Creative Commons, and the Data
 * Mining property of the PLUS licence data format (IPTC Photo Metadata 2023.1). Never throws: a broken packet tells nothing.
 */
export function readXmpRights(packet: Buffer): XmpRights {
  const text = packet.subarray(0, MAX_BYTES).toString("utf8");
  // A tree of an unclosed packet with 50,000 levels would be walked by recursion; rights need no such depth.
  if (!text.includes("<rdf:RDF") || tooDeep(text)) return {};
  const $ = load(text, { xml: { lowerCaseTags: true, lowerCaseAttributeNames: true } });
  const textOf = (name: string): string | undefined => {
    const escaped = name.replace(":", "\\:");
    const element = $(escaped).first();
    // A language alternative or list holds its values in rdf:li; a reference is in rdf:resource.
    const items = element.find("rdf\\:li").toArray();
    const listed = items.map((item) => $(item).text().trim()).filter((value) => value !== "");
    const found =
      element.attr("rdf:resource") ??
      (listed.length > 0 ? [...new Set(listed)].join("; ") : element.text().trim()) ??
      undefined;
    return (found || $(`[${escaped}]`).first().attr(name) || "").trim().slice(0, MAX_VALUE) || undefined;
  };
  const rights: XmpRights = {};
  for (const [key, names] of Object.entries(PROPERTIES)) {
    const value = names.map(textOf).find((found) => found !== undefined);
    if (value !== undefined) rights[key as keyof typeof PROPERTIES] = value;
  }
  const dataMining = textOf("plus:datamining");
  const code = /DMI-[A-Z-]+/.exec(dataMining?.toUpperCase() ?? "")?.[0];
  if (code) rights.dataMining = `plus:DataMining ${code}`;
  return rights;
}

/**
 * Whether the Data Mining property reserves the picture: every DMI-PROHIBITED value does, those that point to further
 * constraints too (https://ns.useplus.org/LDF/ldf-XMPSpecification: Data Mining).
 */
export function prohibitsTraining(rights: XmpRights): boolean {
  return rights.dataMining?.includes("DMI-PROHIBITED") ?? false;
}

function tooDeep(text: string): boolean {
  let depth = 0;
  for (const [tag] of text.matchAll(/<[/\w][^<>]*>/g)) {
    if (tag.startsWith("</")) depth--;
    else if (!tag.endsWith("/>") && ++depth > 64) return true;
  }
  return false;
}
