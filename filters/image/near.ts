/** Two pictures whose perceptual hashes differ in few bits. */
export interface NearPair {
  /** Index into the given hashes; `a` comes before `b`. */
  a: number;
  b: number;
  /** Differing bits of 64. */
  distance: number;
}

/**
 * The most differing bits at which two pictures are reported as near duplicates: re-encoding and scaling stay below it,
 * different pictures far above (figures in docs/decisions/037). With four bands it also is the most that can be found exactly.
 */
export const NEAR_BITS = 3;

const BANDS = 4;

/** Perceptual hashes as columns: millions of them are kept in eight bytes each. */
export interface Hashes {
  high: Uint32Array;
  low: Uint32Array;
}

/** @param hashes 16 hexadecimal digits each. */
export function hashColumns(hashes: Iterable<string>, count: number): Hashes {
  const [high, low] = [new Uint32Array(count), new Uint32Array(count)];
  let at = 0;
  for (const hash of hashes) {
    high[at] = Number.parseInt(hash.slice(0, 8), 16);
    low[at++] = Number.parseInt(hash.slice(8), 16);
  }
  return { high, low };
}

/**
 * All pairs of hashes at most `bits` (up to 3) apart. Hashes are cut into four bands of 16 bits: of two that differ in
 * three bits or fewer one band is equal (the pigeonhole principle, as in Manku et al., "Detecting Near-Duplicates for Web
 * Crawling", 2007), so only hashes that share a band are compared. Of equal hashes only the first is compared with the others;
 * the rest are reported as its duplicates, so that a thousand copies make a thousand pairs and not half a million.
 * Memory: 17 bytes a hash.
 */
export function* nearPairs({ high, low }: Hashes, bits = NEAR_BITS): Generator<NearPair> {
  if (bits >= BANDS) throw new RangeError(`near duplicates: at most ${BANDS - 1} bits, not ${bits}`);
  const isCopy = new Uint8Array(high.length);
  const bandOf = (index: number, band: number): number => {
    const half = (band < 2 ? high[index] : low[index]) ?? 0;
    return band % 2 === 0 ? half >>> 16 : half & 0xffff;
  };
  // Those of a band that share a number, beside each other: what is compared again and again lies in the processor's cache.
  let indices = new Uint32Array(64);
  let highs = new Uint32Array(64);
  let lows = new Uint32Array(64);
  for (let band = 0; band < BANDS; band++) {
    for (const members of buckets(high.length, (index) => bandOf(index, band))) {
      if (members.length > indices.length) {
        indices = new Uint32Array(members.length);
        highs = new Uint32Array(members.length);
        lows = new Uint32Array(members.length);
      }
      let count = 0;
      for (const b of members) {
        if (isCopy[b]) continue;
        const [bHigh, bLow] = [high[b] ?? 0, low[b] ?? 0];
        // All equal ones are in one bucket, also of the first band.
        let equal = band > 0 ? count : 0;
        while (equal < count && (highs[equal] !== bHigh || lows[equal] !== bLow)) equal++;
        if (equal < count) {
          isCopy[b] = 1;
          yield { a: indices[equal] ?? 0, b, distance: 0 };
          continue;
        }
        for (let i = 0; i < count; i++) {
          const distance = popcount((highs[i] ?? 0) ^ bHigh) + popcount((lows[i] ?? 0) ^ bLow);
          if (distance > bits) continue;
          const a = indices[i] ?? 0;
          // Found in an earlier band already?
          let seen = false;
          for (let other = 0; other < band && !seen; other++) seen = bandOf(a, other) === bandOf(b, other);
          if (!seen) yield { a, b, distance };
        }
        indices[count] = b;
        highs[count] = bHigh;
        lows[count++] = bLow;
      }
    }
  }
}

/** Sorts 0 to `count` - 1 by a number of 16 bits each has; yields those that share one, in their order. */
function* buckets(count: number, numberOf: (index: number) => number): Generator<Uint32Array> {
  const ends = new Uint32Array(2 ** 16 + 1);
  for (let i = 0; i < count; i++) ends[numberOf(i) + 1] = (ends[numberOf(i) + 1] ?? 0) + 1;
  for (let n = 0; n < 2 ** 16; n++) ends[n + 1] = (ends[n + 1] ?? 0) + (ends[n] ?? 0);
  const order = new Uint32Array(count);
  const next = ends.slice(0, 2 ** 16);
  for (let i = 0; i < count; i++) {
    const n = numberOf(i);
    const place = next[n] ?? 0;
    order[place] = i;
    next[n] = place + 1;
  }
  for (let n = 0; n < 2 ** 16; n++) yield order.subarray(ends[n], ends[n + 1]);
}

function popcount(word: number): number {
  let x = word - ((word >>> 1) & 0x55555555);
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  return (((x + (x >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
}
