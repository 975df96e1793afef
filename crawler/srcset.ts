/** One picture a srcset offers. */
export interface SrcsetCandidate {
  url: string;
  /** From a `w` descriptor, in pixels. */
  width?: number;
  /** From an `x` descriptor; 1 without any. */
  density: number;
}

/** Of several sizes the smallest with at least this long side is enough for training and costs the fewest bytes. */
const ENOUGH_PIXELS = 1024;
const MOST_CANDIDATES = 100;

/** The candidates of a srcset attribute, read as the HTML standard does ("parse a srcset attribute"); data: ones are left out. */
export function parseSrcset(srcset: string): SrcsetCandidate[] {
  const candidates: SrcsetCandidate[] = [];
  let at = 0;
  const skip = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const [found = ""] = pattern.exec(srcset) ?? [];
    at += found.length;
    return found;
  };
  for (;;) {
    skip(/[\s,]+/y);
    let url = skip(/\S+/y);
    if (url === "" || candidates.length >= MOST_CANDIDATES) return candidates;
    let descriptors = "";
    // An address may hold commas; those at its end close the candidate.
    if (url.endsWith(",")) url = withoutCommas(url);
    else descriptors = skip(/(?:\([^)]*\)?|[^,(])*/y);
    const candidate = withDescriptors(url, descriptors.trim());
    if (candidate && !/^data:/i.test(url)) candidates.push(candidate);
  }
}

/** What comes before the commas at the end; by hand, since a regular expression tries each run of commas byte by byte. */
function withoutCommas(url: string): string {
  let end = url.length;
  while (url.charCodeAt(end - 1) === 44) end--;
  return url.slice(0, end);
}

function withDescriptors(url: string, text: string): SrcsetCandidate | undefined {
  if (text === "") return { url, density: 1 };
  let width: number | undefined;
  let density: number | undefined;
  for (const descriptor of text.split(/\s+/)) {
    const value = Number(descriptor.slice(0, -1));
    if (/^\d+w$/.test(descriptor) && value > 0 && width === undefined) width = value;
    else if (/^[\d.eE+-]+x$/.test(descriptor) && value >= 0 && density === undefined) density = value;
    else if (!/^\d+h$/.test(descriptor)) return undefined; // The standard drops what it cannot read.
  }
  if (width !== undefined && density !== undefined) return undefined;
  return width === undefined ? { url, density: density ?? 1 } : { url, width, density: 1 };
}

/**
 * The smallest candidate whose long side is large enough, else the largest.
 * @param layout width and height attributes of the img, if it has them: they give the proportions, and with a density the size.
 */
export function chooseCandidate(
  candidates: readonly SrcsetCandidate[],
  layout: { width?: number; height?: number } = {},
): string | undefined {
  const { width: w = 0, height: h = 0 } = layout;
  const proportion = w > 0 && h > w ? h / w : 1;
  // Densities without any size only say which is larger; they never are known to be enough.
  const longSide = ({ width, density }: SrcsetCandidate) =>
    (width ?? (w > 0 ? density * w : density / 1000)) * proportion;
  let best: SrcsetCandidate | undefined;
  for (const candidate of candidates) {
    if (best === undefined) best = candidate;
    else if (
      longSide(best) >= ENOUGH_PIXELS
        ? longSide(candidate) >= ENOUGH_PIXELS && longSide(candidate) < longSide(best)
        : longSide(candidate) > longSide(best)
    )
      best = candidate;
  }
  return best?.url;
}
