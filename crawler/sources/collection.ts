import { cleanCaption } from "../../filters/caption/clean.ts";
import { normaliseUrl } from "../../store/pair-id.ts";
import type { Candidate, Origin } from "../../store/types.ts";
import type { Tally } from "./tally.ts";

/** Endings of files that hold a picture. */
export const PICTURE = /\.(?:jpe?g|jfif|png|webp|avif|gif|bmp|tiff?)$/i;

/** Names a caption has in side files, first match wins. */
const CAPTIONS = ["caption", "text", "alt", "alt_text", "description", "title"];
const LICENCES = ["licence", "license", "license_url"];
const PAGES = ["page", "page_url"];

/** A picture of a collection with the texts of its side files. */
export interface Member {
  /** Its address when no side file has one. */
  address: string;
  /** Where it stands, for messages. */
  place: string;
  txt: string | undefined;
  json: string | undefined;
  origin: Origin;
}

/** Makes a candidate of a member, or counts why not. */
export function addMember(candidates: Candidate[], tally: Tally, source: string, member: Member): void {
  let json: Record<string, unknown> = {};
  try {
    if (member.json !== undefined) json = JSON.parse(member.json) ?? {};
  } catch {
    tally.add("bad_record", member.place);
    return;
  }
  const text = (names: readonly string[]) =>
    names.map((name) => json[name]).find((value): value is string => typeof value === "string" && value.trim() !== "");
  const caption = cleanCaption(member.txt ?? "") || cleanCaption(text(CAPTIONS) ?? "");
  if (caption === "") {
    tally.add("no_text", member.place);
    return;
  }
  const imageUrl = normaliseUrl(text(["url", "image_url"]) ?? "") ?? member.address;
  const candidate: Candidate = { imageUrl, caption, kind: "list", source, origin: member.origin };
  const pageUrl = normaliseUrl(text(PAGES) ?? "");
  const licence = text(LICENCES);
  if (pageUrl) candidate.pageUrl = pageUrl;
  if (licence) candidate.licence = licence;
  candidates.push(candidate);
}

/** The address of a picture that has none on the web: its folder's or shard's name and its own, the same on any machine. */
export function fileAddress(...path: string[]): string {
  const url = new URL("file:///");
  url.pathname = path.map(encodeURIComponent).join("/");
  return url.href;
}
