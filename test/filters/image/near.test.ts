import assert from "node:assert/strict";
import { test } from "node:test";
import type { Sharp } from "sharp";
import { hashColumns, NEAR_BITS, nearPairs } from "../../../filters/image/near.ts";
import { makePicture } from "../../../filters/image/picture.ts";
import { generator } from "../../random.ts";
import { USUAL } from "./options.ts";
import { photo } from "./photo.ts";

function distance(a: string, b: string): number {
  let bits = 0;
  for (let x = BigInt(`0x${a}`) ^ BigInt(`0x${b}`); x > 0n; x &= x - 1n) bits++;
  return bits;
}

async function hashOf(image: Sharp): Promise<string> {
  const { phash } = await makePicture(await image.toBuffer(), USUAL);
  assert.ok(phash);
  return phash;
}

test("re-encoded and scaled pictures are near, others far", async () => {
  const originals: string[] = [];
  for (let seed = 0; seed < 12; seed++) {
    const original = await hashOf(photo(seed, 480, 360).png());
    for (const changed of [
      photo(seed, 480, 360).jpeg({ quality: 40 }),
      photo(seed, 480, 360).webp({ quality: 60 }),
      photo(seed, 480, 360).resize(200, 150).jpeg(),
    ])
      assert.ok(distance(original, await hashOf(changed)) <= NEAR_BITS, `seed ${seed}`);
    for (const other of originals) assert.ok(distance(original, other) > 8, `seed ${seed}`);
    originals.push(original);
  }
});

test("flat pictures have no hash: they would all be the same", async () => {
  const flat = photo(1, 100, 100).linear(0, 128).png();
  const { phash } = await makePicture(await flat.toBuffer(), USUAL);
  assert.equal(phash, null);
});

test("the banded search finds what comparing all with all finds", () => {
  const random = generator(7);
  const hashes: string[] = [];
  for (let i = 0; i < 400; i++) {
    // Some near relatives of earlier hashes, some equal ones, some far.
    let bits = BigInt(Math.floor(random() * 2 ** 32)) * 4294967296n + BigInt(Math.floor(random() * 2 ** 32));
    if (i > 20 && random() < 0.6) {
      bits = BigInt(`0x${hashes[Math.floor(random() * hashes.length)]}`);
      for (let flips = Math.floor(random() * 6); flips > 0; flips--) bits ^= 1n << BigInt(Math.floor(random() * 64));
    }
    hashes.push(bits.toString(16).padStart(16, "0"));
  }
  for (const bits of [0, 1, 2, 3]) {
    const expected: string[] = [];
    for (const [b, hash] of hashes.entries()) {
      const first = hashes.indexOf(hash);
      if (first < b) expected.push(`${first}-${b}:0`);
      else
        for (let a = 0; a < b; a++) {
          const other = hashes[a] ?? "";
          if (hashes.indexOf(other) === a && distance(other, hash) <= bits)
            expected.push(`${a}-${b}:${distance(other, hash)}`);
        }
    }
    const found = [...nearPairs(hashColumns(hashes, hashes.length), bits)].map(
      (pair) => `${pair.a}-${pair.b}:${pair.distance}`,
    );
    assert.deepEqual(found.sort(), expected.sort(), `${bits} bits`);
  }
  assert.throws(() => [...nearPairs(hashColumns([], 0), 4)], /at most 3 bits/);
});
