import type { Candidate } from "../store/types.ts";
import type { Judged } from "./judges.ts";
import { utf8 } from "./sources/archive/text.ts";

/**
 * What goes between the thread that reads and those that judge. Columns as single texts: copied as objects, candidates and
 * answers cost both threads as much as judging does. Bytes lie in shared memory: to hand memory over costs some 3 % of all.
 */
export type Asked = Pick<Candidate, "imageUrl" | "caption" | "optOut">;

/** Candidates as a message. */
export interface AskedMessage {
  /** UTF-8, address and caption in turns: as one string all would take, and be matched in, two bytes a letter because of one. */
  texts: Uint8Array<SharedArrayBuffer>;
  /** Where each of the texts ends. */
  ends: Uint32Array<ArrayBuffer>;
  /** Of the few candidates that have any, by their place. */
  optOuts: [number, string[]][];
}

/** The answers as a message. */
export interface JudgedMessage {
  /** Of {@link ID} characters each. */
  ids: string;
  hosts: Named;
  /** Among them "" where there is none. */
  reasons: Named;
  /** Of those that have one, by their place. */
  details: [number, string][];
  /** With line breaks between them; "" where there are none. */
  queries: string;
}

/** A column with few different values: these, and the number of each row's. */
interface Named {
  names: string[];
  numbers: Uint32Array<ArrayBuffer>;
}

const ID = 16;
/** UTF-8 has at most so many bytes for a unit of a string. */
const BYTES = 3;

let room = Buffer.allocUnsafeSlow(1_048_576);

export function packAsked(candidates: readonly Asked[]): AskedMessage {
  const ends = new Uint32Array(2 * candidates.length);
  const optOuts: AskedMessage["optOuts"] = [];
  let at = 0;
  for (let i = 0; i < candidates.length; i++) {
    const { imageUrl, caption, optOut } = candidates[i] as Asked;
    if (at + BYTES * (imageUrl.length + caption.length) > room.length)
      room = Buffer.concat([room], 2 * room.length + BYTES * (imageUrl.length + caption.length));
    at += room.write(imageUrl, at);
    ends[2 * i] = at;
    at += room.write(caption, at);
    ends[2 * i + 1] = at;
    if (optOut) optOuts.push([i, optOut]);
  }
  const texts = new Uint8Array(new SharedArrayBuffer(at));
  texts.set(room.subarray(0, at));
  return { texts, ends, optOuts };
}

/** Answers each candidate of a message in turn. */
export function mapAsked<T>({ texts, ends, optOuts }: AskedMessage, answer: (asked: Asked) => T): T[] {
  const signals = new Map(optOuts);
  const answers: T[] = [];
  for (let i = 0, from = 0; i < ends.length; i += 2) {
    const [middle, to] = [ends[i] as number, ends[i + 1] as number];
    const asked: Asked = { imageUrl: utf8(texts, from, middle), caption: utf8(texts, middle, to) };
    const optOut = signals.get(i / 2);
    if (optOut) asked.optOut = optOut;
    answers.push(answer(asked));
    from = to;
  }
  return answers;
}

export function packJudged(judged: readonly Judged[]): JudgedMessage {
  const details: JudgedMessage["details"] = [];
  for (const [i, { detail }] of judged.entries()) if (detail !== null) details.push([i, detail]);
  return {
    ids: judged.map(({ id }) => id).join(""),
    hosts: named(judged.map(({ host }) => host)),
    reasons: named(judged.map(({ reason }) => reason ?? "")),
    details,
    queries: judged.map(({ queries }) => queries ?? "").join("\n"),
  };
}

function named(values: readonly string[]): Named {
  const numbers = new Uint32Array(values.length);
  const known = new Map<string, number>();
  let number = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as string;
    // Mostly that of the row before.
    if (i === 0 || value !== values[i - 1]) {
      number = known.get(value) ?? known.size;
      known.set(value, number);
    }
    numbers[i] = number;
  }
  return { names: [...known.keys()], numbers };
}

export function unpackJudged({ ids, hosts, reasons, details, queries }: JudgedMessage): Judged[] {
  const judged = queries.split("\n").map(
    (list, i): Judged => ({
      id: ids.slice(ID * i, ID * i + ID),
      host: hosts.names[hosts.numbers[i] as number] as string,
      reason: reasons.names[reasons.numbers[i] as number] || null,
      detail: null,
      queries: list || null,
    }),
  );
  for (const [i, detail] of details) (judged[i] as Judged).detail = detail;
  return judged;
}
