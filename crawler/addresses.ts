import { BlockList, isIP } from "node:net";

/** Says whether an address may be dialled. */
export type AddressCheck = (address: string) => boolean;

/** Ranges that are not the public Internet (IANA's special-purpose address registries), IPv4 and IPv6. */
const SPECIAL: readonly [string, number][] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10], // carrier-grade NAT
  ["127.0.0.0", 8],
  ["168.63.129.16", 32], // Azure's metadata, on a public address
  ["169.254.0.0", 16], // link-local, other clouds' metadata
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4], // multicast
  ["240.0.0.0", 4],
  // Of IPv6 only 2000::/3 is public; inside it, these are not, or hide an IPv4 address.
  ["::", 3],
  ["4000::", 2],
  ["8000::", 1],
  ["2001::", 23], // protocol assignments, Teredo
  ["2001:db8::", 32],
  ["2002::", 16], // 6to4
  ["3fff::", 20],
];

/** Whether an address is in one of the ranges. One list a family: Node would look for an IPv4 address in ::/3 too. */
function inRanges(ranges: readonly [string, number][]): AddressCheck {
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const [address, bits] of ranges) lists[familyOf(address)].addSubnet(address, bits, familyOf(address));
  return (address) => lists[familyOf(address)].check(address, familyOf(address));
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIP(address) === 6 ? "ipv6" : "ipv4";
}

const isSpecial = inRanges(SPECIAL);

/**
 * A check that lets through public unicast addresses and, for tests and intranets, those in `allowed`.
 * @param allowed CIDR ranges such as 127.0.0.0/8 or fd00::/8.
 * @throws Error naming the range that is none.
 */
export function addressCheck(allowed: readonly string[]): AddressCheck {
  const isException = inRanges(
    allowed.map((range) => {
      const [address = "", bits = ""] = range.split("/");
      const family = isIP(address);
      const length = bits === "" ? (family === 6 ? 128 : 32) : Number(bits);
      if (family === 0 || !Number.isInteger(length) || length < 0 || length > (family === 6 ? 128 : 32)) {
        throw new Error(`--allow-private ${range}: expected a range such as 127.0.0.0/8`);
      }
      return [address, length];
    }),
  );
  return (address) => {
    const plain = unmapped(address);
    return isIP(plain) !== 0 && (isException(plain) || !isSpecial(plain));
  };
}

/** The IPv4 address inside an IPv4-mapped IPv6 one, else the address itself. */
function unmapped(address: string): string {
  const plain = address.replace(/^\[|\]$/g, "").replace(/%.*$/, "");
  if (isIP(plain) !== 6) return plain;
  // The URL parser brings every spelling of ::ffff:1.2.3.4 into one form of two hexadecimal groups.
  const host = URL.parse(`http://[${plain}]/`)?.hostname.slice(1, -1) ?? plain;
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(host);
  if (!mapped?.[1] || !mapped[2]) return plain;
  const high = Number.parseInt(mapped[1], 16);
  const low = Number.parseInt(mapped[2], 16);
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}
