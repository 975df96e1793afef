/** What a code point is. */
export const OTHER = 1;
export const LETTER = 2;
export const NUMBER = 3;

/** By code point; 0: not asked yet. */
const KINDS = new Uint8Array(0x110000);

/** {@link LETTER}, {@link NUMBER} or {@link OTHER}: a look into a table, since every caption's characters are asked for. */
export function kindOf(point: number): number {
  const known = KINDS[point] as number;
  if (known !== 0) return known;
  const character = String.fromCodePoint(point);
  const kind = /\p{L}/u.test(character) ? LETTER : /\p{N}/u.test(character) ? NUMBER : OTHER;
  KINDS[point] = kind;
  return kind;
}
