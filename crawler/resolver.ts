import { Resolver } from "node:dns/promises";
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import pLimit from "p-limit";
import { FetchError, Stopped, toFetchError } from "./fetch-error.ts";

/** Bounds of an answer's own time to live, in milliseconds. */
const [SHORTEST_MS, LONGEST_MS] = [60_000, 3_600_000];
/** A name that does not exist is not asked for again so soon (RFC 2308 allows up to hours). */
const NO_SUCH_NAME_MS = 600_000;
/** A resolver that failed may work in a minute. */
const FAILED_MS = 60_000;
const QUESTIONS_AT_ONCE = 50;
/** A name that failed takes 1 KB, one with so many addresses not much more. */
const [MOST_NAMES, MOST_ADDRESSES] = [25_000, 16];
/** No name of the DNS is longer; nor is one looked up, or kept. */
const LONGEST_NAME = 253;

interface Entry {
  /** On the monotonic clock. */
  until: number;
  addresses: Promise<readonly string[]>;
}

/**
 * Host names to addresses, over c-ares: unlike getaddrinfo it tells the time to live, and a silent name server blocks
 * none of the threads that decode pictures and read files. Names of the hosts file are known too.
 */
export class DnsCache {
  readonly #resolver = new Resolver({ timeout: 2_500, tries: 2 });
  readonly #known = new Map<string, Entry>();
  readonly #questions = pLimit(QUESTIONS_AT_ONCE);
  readonly #hostsFile = readHostsFile();
  #stopped = false;
  /** AAAA is only asked for by machines that could use the answer. */
  readonly #ipv6 = Object.values(networkInterfaces()).some((all) =>
    all?.some(({ family, address, internal }) => family === "IPv6" && !internal && !address.startsWith("fe80")),
  );

  /**
   * @param servers name servers to ask instead of the system's: ADDRESS or ADDRESS:PORT.
   * @throws Error naming the one that is none.
   */
  constructor(servers: readonly string[] = []) {
    for (const server of servers) {
      try {
        this.#resolver.setServers([server]);
      } catch {
        throw new Error(`--dns ${server}: expected the address of a name server, such as 9.9.9.9 or [2620:fe::fe]:53`);
      }
    }
    if (servers.length > 0) this.#resolver.setServers(servers);
  }

  /**
   * All addresses of `host`, IPv4 first.
   * @throws FetchError with the reason `dns`; Stopped after {@link stop}.
   */
  async addresses(host: string): Promise<readonly string[]> {
    if (host.length > LONGEST_NAME) throw new FetchError("dns", `a name of ${host.length} characters`);
    const now = performance.now();
    const known = this.#known.get(host);
    if (known && known.until > now) return known.addresses;
    const entry: Entry = { until: Number.POSITIVE_INFINITY, addresses: this.#questions(() => this.#ask(host, entry)) };
    this.#known.delete(host);
    this.#known.set(host, entry);
    if (this.#known.size > MOST_NAMES) this.#known.delete(this.#known.keys().next().value ?? "");
    return entry.addresses;
  }

  /** Ends all questions: who waits for an answer gets Stopped, and whoever asks from now on. */
  stop(): void {
    this.#stopped = true;
    this.#resolver.cancel();
  }

  async #ask(host: string, entry: Entry): Promise<readonly string[]> {
    if (this.#stopped) throw new Stopped();
    const local = this.#hostsFile.get(host) ?? (/(^|\.)localhost$/.test(host) ? ["127.0.0.1", "::1"] : undefined);
    if (local) return local;
    // RFC 6761: no server knows these.
    if (/\.(invalid|onion)$/.test(host)) throw this.#failed(entry, host, { code: "ENOTFOUND" });
    const answers = await Promise.allSettled([
      this.#resolver.resolve4(host, { ttl: true }),
      this.#ipv6 ? this.#resolver.resolve6(host, { ttl: true }) : [],
    ]);
    if (this.#stopped) throw new Stopped();
    const found = answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
    if (found.length === 0) {
      const [first] = answers.flatMap((answer) => (answer.status === "rejected" ? [answer.reason] : []));
      throw this.#failed(entry, host, first ?? { code: "ENODATA" });
    }
    const ttl = Math.min(...found.map((record) => record.ttl)) * 1000;
    entry.until = performance.now() + Math.min(Math.max(ttl, SHORTEST_MS), LONGEST_MS);
    return found.slice(0, MOST_ADDRESSES).map((record) => record.address);
  }

  #failed(entry: Entry, host: string, cause: { code?: string }): FetchError {
    const { reason, kind } = toFetchError(cause);
    const gone = reason === "dns" && kind === "gone";
    entry.until = performance.now() + (gone ? NO_SUCH_NAME_MS : FAILED_MS);
    return new FetchError("dns", `${host}: ${cause.code ?? "no answer"}`, { kind: gone ? "gone" : "host in trouble" });
  }
}

/** Names of this machine's hosts file, as getaddrinfo would find them. */
function readHostsFile(): Map<string, string[]> {
  const names = new Map<string, string[]>();
  let text = "";
  try {
    text = readFileSync("/etc/hosts", "utf8");
  } catch {
    return names; // None: not every system has one there.
  }
  for (const line of text.split("\n")) {
    const [address = "", ...hosts] = line.replace(/#.*/, "").trim().toLowerCase().split(/\s+/);
    if (isIP(address) === 0) continue;
    for (const host of hosts) names.set(host, [...(names.get(host) ?? []), address]);
  }
  return names;
}
