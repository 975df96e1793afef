/** Node's decoders without the checks of `toString`, which cost more than a short text itself; they are not in its types. */
const { latin1Slice, utf8Slice } = Buffer.prototype as unknown as Record<
  "latin1Slice" | "utf8Slice",
  (this: Uint8Array, from: number, to: number) => string
>;

/** The bytes from `from` to before `to` as ISO 8859-1: exact for ASCII. */
export function latin1(bytes: Uint8Array, from: number, to: number): string {
  return latin1Slice.call(bytes, from, to);
}

/** The bytes from `from` to before `to` as UTF-8. */
export function utf8(bytes: Uint8Array, from: number, to: number): string {
  return utf8Slice.call(bytes, from, to);
}
