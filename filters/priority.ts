/**
 * u: what decides which pairs of a query are chosen, and thresholds on it.
 */

/**
 * u is a whole number below 2^53: 32 high bits, which nearly always decide, and 21 low ones. The high bits travel as a
 * signed integer (less 2^31), because comparing those is what processors, and V8, do without conversion.
 */
const LOW_BITS = 21;
export const LOW_RANGE = 2 ** LOW_BITS;
export const RANGE = 2 ** 53;
export const HALF = 2 ** 31;

export function join(high: number, low: number): number {
  return (high + HALF) * LOW_RANGE + low;
}

/** Murmur3's finaliser: every input bit changes every output bit with probability one half. */
function mix(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** What of u belongs to the pair alone: two hashes, computed once a pair. */
export function pairHash1(seed: number, idHigh: number): number {
  return mix(idHigh ^ mix(seed ^ 0x2545f491));
}
export function pairHash2(hash1: number, idLow: number): number {
  return mix(idLow ^ hash1);
}
export function highBits(hash1: number, hash2: number, query: number): number {
  return mix(Math.imul(hash2 ^ query, 0x9e3779b1) + hash1);
}
export function lowBits(high: number, hash2: number, query: number): number {
  return mix((high + Math.imul(hash2, 0x27d4eb2f)) ^ query) >>> (32 - LOW_BITS);
}

/**
 * u of a pair and a query: 53 uniform bits.
 * @param idHigh first 32 bits of the pair id, @param idLow the last 32.
 * @param query the query's own hash, see {@link termHash}: not its row number, which changes with the list.
 */
export function priority(seed: number, idHigh: number, idLow: number, query: number): number {
  const hash1 = pairHash1(seed, idHigh);
  const hash2 = pairHash2(hash1, idLow);
  const high = highBits(hash1, hash2, query);
  return join(high, lowBits(high, hash2, query));
}

/** A query's hash for {@link priority}, from its term alone (FNV-1a over UTF-16 units, mixed). */
export function termHash(term: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < term.length; i++) hash = Math.imul(hash ^ term.charCodeAt(i), 0x01000193);
  return mix(hash);
}

/** The largest u that is chosen on account of a query, indexed by query id. */
export interface Thresholds {
  /** Signed: the high bits of u less 2^31; the largest for a query without a threshold. */
  high: Int32Array;
  low: Uint32Array;
}

/** Whether a match is within its query's threshold; @param high {@link highBits}, the low bits are computed when they decide. */
export function isWithin(limits: Thresholds, query: number, high: number, hash2: number, hash: number): boolean {
  const limit = limits.high[query] as number;
  return high < limit || (high === limit && lowBits(high, hash2, hash) <= (limits.low[query] as number));
}

/** Lets in what is no larger than `u`. */
export function setThreshold(thresholds: Thresholds, query: number, u: number): void {
  thresholds.high[query] = Math.floor(u / LOW_RANGE) - HALF;
  thresholds.low[query] = u % LOW_RANGE;
}

/** Thresholds that let everything in. */
export function openThresholds(queries: number): Thresholds {
  return { high: new Int32Array(queries).fill(HALF - 1), low: new Uint32Array(queries).fill(0xffffffff) };
}
