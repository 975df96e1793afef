import { termHash } from "../../filters/priority.ts";

/**
 * The rank that fetches from a host: all ports and subdomains of a registered domain are one rank's, so that politeness
 * holds without the ranks talking to each other. Pictures without a host, those of folders and shards, are spread by address.
 * @param host as in the table `pair`: registered domain[:port].
 */
export function ownerOf(host: string, imageUrl: string, world: number): number {
  const domain = host.replace(/:\d+$/, "");
  return (termHash(domain === "" ? imageUrl : domain) >>> 0) % world;
}
