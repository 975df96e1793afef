import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** Files by path, served as they are on loopback; what is not there is a 404. */
export interface FileServer {
  port: number;
  /** Paths asked for, in order. */
  asked: string[];
  close: () => Promise<void>;
}

export async function serveFiles(
  files: ReadonlyMap<string, { type: string; bytes: Buffer }>,
  port = 0,
  address = "127.0.0.1",
): Promise<FileServer> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? "/";
    asked.push(path);
    const file = files.get(path);
    if (!file) return void response.writeHead(404).end();
    response.setHeader("content-type", file.type).end(file.bytes);
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, address, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
