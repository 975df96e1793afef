import type { Candidate } from "../store/types.ts";
import type { Judged } from "./judges.ts";
import { utf8 } from "./sources/archive/text.ts";

/**
 * What goes between the thread that reads and those that judge. Columns as single texts: copied as objects, candidates and
 * answers cost both threads as much as judging does.
 */
export type Asked = Pick<Candidate, "imageUrl" | "caption" | "optOut">;

/** Candidates as a message. Neither addresses nor captions hold line breaks: both are cleaned. */
export interface AskedMessage {
  imageUrls: string;
  /** UTF-8: as one string all captions would take, and be matched in, two bytes a letter because of one. */
  captions: Uint8Array<ArrayBuffer>;
  /** Of the few candidates that have any, by their place. */
  optOuts: [number, string[]][];
}

/** The answers as a message; "" where there is none. */
export type JudgedMessage = Record<keyof Judged, string>;

const LINE_FEED = 10;

export function packAsked(candidates: readonly Asked[]): AskedMessage {
  const optOuts: AskedMessage["optOuts"] = [];
  for (const [i, { optOut }] of candidates.entries()) if (optOut) optOuts.push([i, optOut]);
  return {
    imageUrls: candidates.map(({ imageUrl }) => imageUrl).join("\n"),
    captions: new Uint8Array(Buffer.from(candidates.map(({ caption }) => `${caption}\n`).join(""))),
    optOuts,
  };
}

export function unpackAsked({ imageUrls, captions, optOuts }: AskedMessage): Asked[] {
  let at = 0;
  const asked: Asked[] = imageUrls.split("\n").map((imageUrl) => {
    const from = at;
    const to = captions.indexOf(LINE_FEED, from);
    at = to + 1;
    return { imageUrl, caption: utf8(captions, from, to) };
  });
  for (const [i, optOut] of optOuts) (asked[i] as Asked).optOut = optOut;
  return asked;
}

export function packJudged(judged: readonly Judged[]): JudgedMessage {
  const column = (name: keyof Judged) => judged.map((one) => one[name] ?? "").join("\n");
  return {
    id: column("id"),
    host: column("host"),
    reason: column("reason"),
    detail: column("detail"),
    queries: column("queries"),
  };
}

export function unpackJudged(message: JudgedMessage): Judged[] {
  const [hosts, reasons] = [message.host.split("\n"), message.reason.split("\n")];
  const [details, queries] = [message.detail.split("\n"), message.queries.split("\n")];
  return message.id.split("\n").map((id, i) => ({
    id,
    host: hosts[i] as string,
    reason: reasons[i] || null,
    detail: details[i] || null,
    queries: queries[i] || null,
  }));
}
