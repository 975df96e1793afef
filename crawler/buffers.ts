/**
 * Memory of bodies: pages of the system's, not of malloc's. They cost nothing before they are written to, are added without copying
 * what is there, and are gone when given back; malloc keeps the holes that bodies of all sizes leave.
 */

/** Memory comes in multiples of it. */
const GRAIN = 48 * 1024;
/** Up to this size memory is kept to be used again, and so much of it. */
const [MOST_SPARE, SPARE_BYTES] = [20 * GRAIN, 16 * 1024 * 1024];
const spare = new Map<number, ArrayBuffer[]>();
let spareBytes = 0;

/**
 * At least so many bytes, with anything in them: ones that were released, if there are. The garbage collector counts what passes
 * through, given back or not, and at hundreds of pictures a second would do little else.
 */
export function allocate(bytes: number): Buffer {
  const size = Math.ceil(bytes / GRAIN) * GRAIN;
  const used = spare.get(size)?.pop();
  if (used) spareBytes -= size;
  return Buffer.from(used ?? new ArrayBuffer(size, { maxByteLength: size }), 0, size);
}

/**
 * At least `bytes` that begin as `old` does, which is over then.
 * @param most it will ever grow to.
 */
export function grow(old: Buffer, bytes: number, most: number): Buffer {
  const { buffer } = old;
  if (isOurs(buffer) && buffer.maxByteLength >= bytes) {
    buffer.resize(bytes);
    return Buffer.from(buffer, 0, bytes);
  }
  const larger =
    bytes > MOST_SPARE ? Buffer.from(new ArrayBuffer(bytes, { maxByteLength: most }), 0, bytes) : allocate(bytes);
  old.copy(larger);
  release(old);
  return larger;
}

/** The first `bytes` of a buffer without the memory beside them: it may wait for a decoder. The buffer itself is over then. */
export function trim(all: Buffer, bytes: number): Buffer {
  const { buffer } = all;
  if (isOurs(buffer) && buffer.byteLength - bytes > GRAIN) buffer.resize(bytes);
  return Buffer.from(buffer, 0, bytes);
}

/**
 * Gives the memory of bytes back at once that nobody reads any more. To be called once.
 * @param bytes are alone in their memory, or share it with what is over too; small ones that share Node's pool are left alone.
 */
export function release({ buffer }: Buffer): void {
  if (!(buffer instanceof ArrayBuffer)) return;
  if (!buffer.resizable) {
    if (buffer.byteLength !== Buffer.poolSize) buffer.transfer(0);
    return;
  }
  const size = buffer.maxByteLength;
  if (size > MOST_SPARE || spareBytes + size > SPARE_BYTES) {
    buffer.transferToFixedLength(0);
    return;
  }
  const kept = spare.get(size) ?? [];
  spare.set(size, kept);
  if (kept.includes(buffer)) return;
  if (buffer.byteLength < size) buffer.resize(size);
  kept.push(buffer);
  spareBytes += size;
}

function isOurs(buffer: ArrayBufferLike): buffer is ArrayBuffer {
  return buffer instanceof ArrayBuffer && buffer.resizable;
}
