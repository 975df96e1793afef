/** For a code point: 0 not asked yet, else whether it is a letter or digit. */
const POINTS = new Uint8Array(0x110000);
const INSIDE = 1;
const OUTSIDE = 2;

function isInside(point: number): boolean {
  if (POINTS[point] === 0) POINTS[point] = /[\p{L}\p{N}]/u.test(String.fromCodePoint(point)) ? INSIDE : OUTSIDE;
  return POINTS[point] === INSIDE;
}

/** A text without what stands before its first letter or digit and behind its last one. */
export function withoutEdges(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to) {
    const point = text.codePointAt(from) as number;
    if (isInside(point)) break;
    from += point > 0xffff ? 2 : 1;
  }
  while (to > from) {
    const isPair = to - from > 1 && (text.codePointAt(to - 2) as number) > 0xffff;
    if (isInside(text.codePointAt(isPair ? to - 2 : to - 1) as number)) break;
    to -= isPair ? 2 : 1;
  }
  return text.slice(from, to);
}
