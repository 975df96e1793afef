import assert from "node:assert/strict";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { after } from "node:test";
import { FetchError } from "../../../crawler/fetch-error.ts";
import { Net, type NetOptions } from "../../../crawler/net.ts";
import { closeDatabase, type Database, openDatabase } from "../../../store/database.ts";
import { temporaryFolder } from "../../folder.ts";

/** For requests that only end with their deadline. The others must not meet theirs, however crowded the machine is. */
export const IMPATIENT = { deadlineMs: 3_000 };

/** Also what is begun inside a hook lives until the file's tests are done. */
const endings: (() => unknown)[] = [];
after(async () => {
  for (const end of endings) await end();
});

/** A net with a database of its own, closed when the file's tests are done. */
export function openNet(options: Partial<NetOptions>): { net: Net; db: Database } {
  const db = openDatabase(temporaryFolder("faults"));
  const net = new Net(db, {
    userAgent: "webimagetext-test (test@example.org)",
    allowPrivate: ["127.0.0.0/8"],
    resolve: [],
    hostLimits: undefined,
    ...options,
  });
  endings.push(async () => {
    await net.close();
    closeDatabase(db);
  });
  return { net, db };
}

/** Starts a server that lives as long as the file's tests. @throws Error when somebody has the port. */
export async function listen(server: Server, host = "127.0.0.1", port = 0): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, host, resolve));
  endings.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/**
 * A server below HTTP: `answer` writes what it likes for a request's path.
 * @param siteFile the same for robots.txt, ai.txt and tdmrep.json; returns false for those that do not exist.
 */
export function rawServer(
  answer: (path: string, socket: Socket, host: string) => unknown,
  siteFile: (path: string, socket: Socket, host: string) => boolean = () => false,
): Server {
  return createServer((socket) => {
    let seen = "";
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      seen += chunk.toString("latin1");
      for (let end = seen.indexOf("\r\n\r\n"); end >= 0; end = seen.indexOf("\r\n\r\n")) {
        const head = seen.slice(0, end);
        seen = seen.slice(end + 4);
        const [, path = "/"] = /^GET (\S+)/.exec(head) ?? [];
        const [, host = ""] = /^host: (\S+)/im.exec(head) ?? [];
        const ofSite = /^\/(?:robots\.txt|ai\.txt|\.well-known\/tdmrep\.json)$/.test(path);
        if (!ofSite) answer(path, socket, host);
        else if (!siteFile(path, socket, host)) socket.write("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
      }
    });
  });
}

/** How a picture's request ended, as `reason: kind`, or `ok: N bytes`. */
export async function outcomeOf(net: Net, address: string): Promise<string> {
  try {
    const { body } = await net.image(new URL(address), { maxBytes: 1_000_000, accept: "image/*" });
    return `ok: ${body.length} bytes`;
  } catch (error) {
    if (!(error instanceof FetchError)) throw error;
    return `${error.reason}: ${error.kind}`;
  }
}

/** One line of a table of faults: what goes wrong, where, and what it must end as. */
export type Fault = readonly [fault: string, address: string, outcome: string];

/** Asks for all pictures of a table at once and compares how they ended, line by line. */
export async function checkFaults(net: Net, faults: readonly Fault[]): Promise<void> {
  const ended = await Promise.all(faults.map(async ([fault, url]) => [fault, url, await outcomeOf(net, url)]));
  assert.deepEqual(ended, faults);
}
