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

/**
 * All pairs of hashes at most `bits` (up to 3) apart. Hashes are cut into four bands of 16 bits: of two that differ in
 * three bits or fewer one band is equal (the pigeonhole principle, as in Manku et al., "Detecting Near-Duplicates for Web
 * Crawling", 2007), so only hashes that share a band are compared. Of equal hashes only the first is compared with the others;
 * the rest are reported as its duplicates, so that a thousand copies make a thousand pairs and not half a million.
 * @param hashes 16 hexadecimal digits each.
 */
export function* nearPairs(hashes: readonly string[], bits = NEAR_BITS): Generator<NearPair> {
  if (bits >= BANDS) throw new RangeError(`near duplicates: at most ${BANDS - 1} bits, not ${bits}`);
  const first = new Map<string, number>();
  for (const [b, hash] of hashes.entries()) {
    const a = first.get(hash);
    if (a === undefined) first.set(hash, b);
    else yield { a, b, distance: 0 };
  }
  const high = new Uint32Array(hashes.length);
  const low = new Uint32Array(hashes.length);
  for (const [hash, index] of first) {
    high[index] = Number.parseInt(hash.slice(0, 8), 16);
    low[index] = Number.parseInt(hash.slice(8), 16);
  }
  const bandOf = (index: number, band: number): number => {
    const half = (band < 2 ? high[index] : low[index]) ?? 0;
    return band % 2 === 0 ? half >>> 16 : half & 0xffff;
  };
  for (let band = 0; band < BANDS; band++) {
    const buckets = new Map<number, number[]>();
    for (const b of first.values()) {
      const value = bandOf(b, band);
      const bucket = buckets.get(value);
      for (const a of bucket ?? []) {
        const distance = popcount((high[a] ?? 0) ^ (high[b] ?? 0)) + popcount((low[a] ?? 0) ^ (low[b] ?? 0));
        if (distance > bits) continue;
        // Found in an earlier band already?
        let seen = false;
        for (let other = 0; other < band && !seen; other++) seen = bandOf(a, other) === bandOf(b, other);
        if (!seen) yield { a, b, distance };
      }
      if (bucket) bucket.push(b);
      else buckets.set(value, [b]);
    }
  }
}

function popcount(word: number): number {
  let x = word - ((word >>> 1) & 0x55555555);
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  return (((x + (x >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
}
