/**
 * Text four bytes at a time, in the 32-bit integers that the processor has anyway: a byte plus 128 - n has its high bit set
 * when it is n or more, so a range takes two sums, for four bytes at once. Every function answers in the high bits of the
 * bytes; bytes beyond ASCII, whose own high bit is set, are masked out first.
 */

const HIGH = 0x80808080;
const LOW = 0x7f7f7f7f;

/** Which of four bytes are letters of ASCII. */
export function letters(four: number): number {
  const small = (four & LOW) | 0x20202020;
  return (small + 0x1f1f1f1f) & ~(small + 0x05050505) & ~four & HIGH;
}

/** Which are neither letters nor digits of ASCII. */
export function notWord(four: number): number {
  const low = four & LOW;
  const small = low | 0x20202020;
  const letter = (small + 0x1f1f1f1f) & ~(small + 0x05050505);
  const digit = (low + 0x50505050) & ~(low + 0x46464646);
  return (~(letter | digit) | four) & HIGH;
}

/** Which are spaces, digits, one of ( ) * + , - . / or beyond ASCII. */
export function spacesAndDigits(four: number): number {
  const low = four & LOW;
  return (((low + 0x58585858) & ~(low + 0x46464646)) | ~((low ^ 0x20202020) + LOW) | four) & HIGH;
}

/** Which are one of { | } ~ or the DEL behind them. */
export function braces(four: number): number {
  return ((four & LOW) + 0x05050505) & ~four & HIGH;
}

/** Which are the byte that stands four times in `wanted`; none beyond ASCII. */
export function equal(four: number, wanted: number): number {
  return ~((((four & LOW) ^ wanted) + LOW) | four) & HIGH;
}

/** How many of four bytes stand before the first one marked; at least one must be. */
export function bytesBefore(marks: number): number {
  return (31 - Math.clz32(marks & -marks)) >> 3;
}

/** A mask of the bytes before the first one marked: all four when none is. */
export function maskBefore(marks: number): number {
  return ((marks & -marks) >>> 7) - 1;
}
