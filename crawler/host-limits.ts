import { readFileSync } from "node:fs";
import { BlockList, isIP } from "node:net";

/** What a host is asked to bear. */
export interface HostLimits {
  /** Seconds from the end of one page to the start of the next. */
  pageGap: number;
  /** Pictures begun in a second. */
  imagesPerSecond: number;
  /** Requests at the same time, pictures only; pages are fetched one by one. */
  inFlight: number;
}

/** What is polite to strangers. */
export const DEFAULT_LIMITS: HostLimits = { pageGap: 1, imagesPerSecond: 4, inFlight: 2 };

/** More would not be limits: this machine's own, and what undici and SQLite bear. */
const [MOST_IN_FLIGHT, MOST_STARTS] = [1_024, 1_000_000];

/** A line of a host-limits file. */
export interface LimitsRule {
  limits: HostLimits;
  /** Whether the line names a range of addresses, whose machines were then thought of. */
  range: boolean;
  /** Whether it fits a host by one of its names, or by its address. */
  fits: (names: readonly string[], address: string | undefined) => boolean;
}

/**
 * Reads a host-limits file (`--host-limits`; format in docs/host-limits.md).
 * @throws Error naming file and line that cannot be read.
 */
export function readHostLimits(file: string): LimitsRule[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`--host-limits ${file}: ${(error as Error).message}`);
  }
  return text.split("\n").flatMap((line, index) => {
    if (line.trim() === "" || line.startsWith("#")) return [];
    const rule = readLine(line.trim().split(/\s+/));
    if (rule) return [rule];
    throw new Error(
      `${file}:${index + 1}: expected "HOST seconds-between-pages image-starts-per-second requests-in-flight"`,
    );
  });
}

function readLine([name = "", ...figures]: string[]): LimitsRule | undefined {
  const [pageGap = Number.NaN, imagesPerSecond = Number.NaN, inFlight = Number.NaN, ...rest] = figures.map(Number);
  if (
    !(pageGap >= 0) ||
    !(imagesPerSecond > 0) ||
    !(inFlight >= 1) ||
    imagesPerSecond > MOST_STARTS ||
    inFlight > MOST_IN_FLIGHT ||
    rest.length > 0
  )
    return undefined;
  const limits = { pageGap, imagesPerSecond, inFlight: Math.floor(inFlight) };
  const [address = "", bits = ""] = name.split("/");
  const family = isIP(address);
  const wanted = name.toLowerCase();
  if (family === 0 || bits === "") return { limits, range: false, fits: (names) => names.includes(wanted) };
  const length = Number(bits);
  if (!Number.isInteger(length) || length < 0 || length > (family === 6 ? 128 : 32)) return undefined;
  const list = new BlockList();
  list.addSubnet(address, length, family === 6 ? "ipv6" : "ipv4");
  const fits = (_: readonly string[], at: string | undefined) =>
    at !== undefined && isIP(at) === family && list.check(at, family === 6 ? "ipv6" : "ipv4");
  return { limits, range: true, fits };
}
