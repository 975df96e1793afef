/** Encodings whose ASCII bytes are ASCII wherever they stand between "<", ">", quotes and "=": tags are found in the bytes. */
const ASCII_BASED =
  /^(?:utf-8|windows-125\d|iso-8859-\d+(?:-i)?|koi8-[ru]|macintosh|x-mac-cyrillic|windows-874|ibm866|gbk|gb18030|big5|euc-jp|euc-kr|shift_jis)$/;
const PRESCAN = 1_024;

/**
 * The encoding of a page (HTML standard, 13.2.3.2): byte order mark, then the header's label, then meta, then `fallback`.
 * @returns undefined when its tags cannot be found without decoding it.
 */
export function encodingOf(body: Buffer, label: string | undefined, fallback: string): string | undefined {
  if (body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf) return "utf-8";
  if ((body[0] === 0xff && body[1] === 0xfe) || (body[0] === 0xfe && body[1] === 0xff)) return undefined;
  // "<?xml" in UTF-16 has zero bytes; so has nothing that is ASCII-based.
  if (body.subarray(0, 4).includes(0)) return undefined;
  const name = canonical(label) ?? canonical(metaLabel(body)) ?? fallback;
  return ASCII_BASED.test(name) ? name : undefined;
}

function canonical(label: string | undefined): string | undefined {
  if (label === undefined) return undefined;
  try {
    return new TextDecoder(label).encoding;
  } catch {
    return undefined;
  }
}

/** The label in a meta element of the first kilobyte; UTF-16 there can only be a mistake for UTF-8. */
function metaLabel(body: Buffer): string | undefined {
  const head = body.toString("latin1", 0, PRESCAN).replace(/<!--[\s\S]*?(?:-->|$)/g, "");
  for (const [meta] of head.matchAll(/<meta[\s/][^>]*>?/gi)) {
    const label = /\bcharset\s*=\s*["']?\s*([^\s"'/>;]+)/i.exec(meta)?.[1];
    const pragma = /http-equiv\s*=\s*["']?content-type/i.test(meta);
    const own = /(?:^|[\s"'/])charset\s*=/i.test(meta.replace(/content\s*=\s*("[^"]*"|'[^']*')/i, ""));
    if (label && (pragma || own)) return /^utf-?16/i.test(label) ? "utf-8" : label;
  }
  return undefined;
}
