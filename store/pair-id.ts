import { hash } from "node:crypto";

/**
 * An address that the URL parser would give back as it is: lower-case names with a top-level domain of letters (no IP
 * address, no punycode), no port, only characters that stay as they are. Most addresses are, and need no parsing.
 */
const NORMAL =
  /^https?:\/\/(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}\/[A-Za-z0-9._~!$&'()*+,;=:@/%-]*(?:\?[A-Za-z0-9._~!$&()*+,;=:@/?%-]*)?$/;
/** What may be a segment that stands for a folder, or a name in punycode. */
const SPECIAL = /\/\.|\/%2e|xn--/i;

/**
 * The address under which a picture is known: the WHATWG serialisation without its fragment, or undefined when
 * `address` is no http(s) URL. The same on every machine.
 */
export function normaliseUrl(address: string, base?: string): string | undefined {
  if (NORMAL.test(address) && !SPECIAL.test(address)) return address;
  const url = URL.parse(address.trim(), base);
  if (!url || (url.protocol !== "http:" && url.protocol !== "https:")) return undefined;
  if (address.includes("#")) url.hash = "";
  return url.href;
}

/** Of an absolute address: the site, and the folder of the path. */
const PARTS = /^(https?:\/\/[^/?#]+)(\/(?:[^?#]*\/)?)?/;

/**
 * A function that gives what `normaliseUrl(address, base)` gives, for many addresses of a page: absolute ones and those
 * relative to the site or the folder, nearly all, without the URL parser.
 */
export function resolver(base: string): (address: string) => string | undefined {
  const [, site, folder = "/"] = PARTS.exec(normaliseUrl(base) ?? "") ?? [];
  return (address) => {
    if (site !== undefined) {
      if (/^\/[\w.~-]/.test(address)) return normaliseUrl(site + address);
      // Without a colon it has no scheme.
      if (/^\w[^:\\]*$/.test(address)) return normaliseUrl(site + folder + address);
    }
    return normaliseUrl(address, base);
  };
}

/** A pair's identity: the first 8 bytes of SHA-256(url NUL caption), in 16 hexadecimal digits. */
export function pairId(imageUrl: string, caption: string): string {
  return hash("sha256", `${imageUrl}\0${caption}`, "hex").slice(0, 16);
}

/** The two 32-bit halves of a pair id. */
export function idHalves(id: string): [number, number] {
  return [Number.parseInt(id.slice(0, 8), 16) | 0, Number.parseInt(id.slice(8), 16) | 0];
}
