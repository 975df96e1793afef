import { BlockDecoder, Bzip2Error, findMark } from "../../queries/bzip2.ts";

/** The most a compressed block takes: 900,000 bytes that do not shrink, and its tables. */
const MAX_BLOCK_BYTES = 1_200_000;

/**
 * Decompresses bzip2, also several streams one behind the other, block by block.
 * @throws Bzip2Error when a block is damaged or the file is no bzip2.
 */
export async function* bunzip2(input: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const decoder = new BlockDecoder();
  let held: Buffer = Buffer.alloc(0);
  let bit = 0;
  let blocks = 0;
  const decodeBlocks = function* (last: boolean): Generator<Buffer> {
    while (last || held.length - (bit >>> 3) > MAX_BLOCK_BYTES) {
      const mark = findMark(held, bit);
      if (!mark) return;
      if (mark.kind === "end") {
        bit = mark.bit + 48;
        continue;
      }
      const text = decoder.decode(held, mark.bit);
      bit = decoder.position;
      blocks++;
      yield Buffer.from(text);
    }
  };
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  for await (const chunk of input) {
    waiting.push(chunk);
    waitingBytes += chunk.length;
    if (waitingBytes < MAX_BLOCK_BYTES) continue;
    held = Buffer.concat([held.subarray(bit >>> 3), ...waiting]);
    bit &= 7;
    waiting = [];
    waitingBytes = 0;
    yield* decodeBlocks(false);
  }
  held = Buffer.concat([held.subarray(bit >>> 3), ...waiting]);
  bit &= 7;
  yield* decodeBlocks(true);
  if (blocks === 0 && held.length > 0) throw new Bzip2Error("no bzip2 data");
}
