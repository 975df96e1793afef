import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";

/** A port of 127.0.0.1 that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** A port of 127.0.0.1 that refuses connections as long as this process runs: its own end of one, which nobody else can get. */
export async function closedPort(): Promise<number> {
  const server = createServer((socket) => socket.unref()).listen(0, "127.0.0.1");
  await once(server.unref(), "listening");
  const held = connect((server.address() as AddressInfo).port, "127.0.0.1");
  await once(held, "connect");
  return held.unref().localPort as number;
}
