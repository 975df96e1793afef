import { hash } from "node:crypto";

/**
 * The address under which a picture is known: the WHATWG serialisation without its fragment, or undefined when
 * `address` is no http(s) URL. The same on every machine.
 */
export function normaliseUrl(address: string, base?: string): string | undefined {
  const url = URL.parse(address.trim(), base);
  if (!url || (url.protocol !== "http:" && url.protocol !== "https:")) return undefined;
  if (address.includes("#")) url.hash = "";
  return url.href;
}

/** A pair's identity: the first 8 bytes of SHA-256(url NUL caption), in 16 hexadecimal digits. */
export function pairId(imageUrl: string, caption: string): string {
  return hash("sha256", `${imageUrl}\0${caption}`, "hex").slice(0, 16);
}

/** The two 32-bit halves of a pair id. */
export function idHalves(id: string): [number, number] {
  return [Number.parseInt(id.slice(0, 8), 16) | 0, Number.parseInt(id.slice(8), 16) | 0];
}
