import { createSocket } from "node:dgram";

/** What the server says to a question: addresses (none: the name has none of that family), a failure, or nothing at all. */
export type DnsAnswer = readonly string[] | "NXDOMAIN" | "SERVFAIL" | "silent";

/** A name server on loopback, for tests that need a name to mean what they say, or to change its mind. */
export interface DnsServer {
  /** For `--dns`. */
  address: string;
  /** Questions asked, as "A name" or "AAAA name". */
  asked: string[];
  close: () => void;
}

/** Starts a name server (RFC 1035 over UDP) that answers with `answer(name, type)`. */
export async function startDns(answer: (name: string, type: "A" | "AAAA") => DnsAnswer, ttl = 60): Promise<DnsServer> {
  const socket = createSocket("udp4");
  const asked: string[] = [];
  socket.on("message", (query, peer) => {
    const labels: string[] = [];
    let at = 12;
    for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
      labels.push(query.toString("latin1", at + 1, at + 1 + length));
      at += 1 + length;
    }
    const type = query.readUInt16BE(at + 1) === 28 ? "AAAA" : "A";
    const name = labels.join(".").toLowerCase();
    asked.push(`${type} ${name}`);
    const said = answer(name, type);
    if (said === "silent") return;
    const addresses = typeof said === "string" ? [] : said;
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(0x8180 | (said === "NXDOMAIN" ? 3 : said === "SERVFAIL" ? 2 : 0), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(addresses.length, 6);
    const records = addresses.map((address) => {
      const data = addressBytes(address);
      const record = Buffer.alloc(12);
      record.writeUInt16BE(0xc00c, 0); // the name in the question
      record.writeUInt16BE(data.length === 16 ? 28 : 1, 2);
      record.writeUInt16BE(1, 4);
      record.writeUInt32BE(ttl, 6);
      record.writeUInt16BE(data.length, 10);
      return Buffer.concat([record, data]);
    });
    socket.send(Buffer.concat([header, query.subarray(12, at + 5), ...records]), peer.port, peer.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return { address: `127.0.0.1:${socket.address().port}`, asked, close: () => socket.close() };
}

function addressBytes(address: string): Buffer {
  if (!address.includes(":")) return Buffer.from(address.split(".").map(Number));
  const [left = "", right = ""] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const groups = (text: string) => text.split(":").filter((group) => group !== "");
  const [first, last] = [groups(left), groups(right)];
  const all = [...first, ...Array<string>(8 - first.length - last.length).fill("0"), ...last];
  return Buffer.concat(all.map((group) => Buffer.from(group.padStart(4, "0"), "hex")));
}
