import { kindOf, OTHER } from "./characters.ts";

/** A text without what stands before its first letter or digit and behind its last one. */
export function withoutEdges(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to) {
    const point = text.codePointAt(from) as number;
    if (kindOf(point) !== OTHER) break;
    from += point > 0xffff ? 2 : 1;
  }
  while (to > from) {
    const isPair = to - from > 1 && (text.codePointAt(to - 2) as number) > 0xffff;
    if (kindOf(text.codePointAt(isPair ? to - 2 : to - 1) as number) !== OTHER) break;
    to -= isPair ? 2 : 1;
  }
  return text.slice(from, to);
}
