import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { gzipSync } from "node:zlib";
import { generator } from "../random.ts";

const FRAMINGS = ["length", "length", "chunked", "trailers", "close", "gzip", "gzip chunked", "early hints", "missing"];

/** What the server sends for the path /N, and what a client must make of it. */
export interface FramedAnswer {
  framing: string;
  /** After decoding. */
  body: Buffer;
  /** The header x-long. */
  long: string;
  /** The connection ends in the middle of the body. */
  cut: boolean;
  /** As sent, in the pieces in which it is written. */
  pieces: Buffer[];
}

/** The answer to /N: a framing, a body and places of cuts that depend on N only. */
export function framedAnswer(n: number): FramedAnswer {
  const roll = generator(n);
  const below = (end: number) => Math.floor(roll() * end);
  const framing = FRAMINGS[n % FRAMINGS.length] ?? "";
  const body = Buffer.alloc(1 + below([50, 3_000, 70_000, 200_000, 900_000][below(5)] ?? 0));
  for (let i = 0; i < body.length; i += 1 + below(40)) body[i] = below(256);
  const long = String.fromCharCode(97 + (n % 26)).repeat(1 + below([20, 9_000][below(2)] ?? 0));
  const cut = below(12) === 0;
  const encoded = framing.startsWith("gzip") ? gzipSync(body, { level: 1 }) : body;
  const isChunked = framing.endsWith("chunked") || framing === "trailers";
  const head = [
    ...(framing === "early hints" ? ["HTTP/1.1 103 Early Hints", `link: </${long}>`, ""] : []),
    `HTTP/1.1 ${framing === "missing" ? "404 Not Found" : "200 OK"}`,
    `x-long: ${long}`,
    ...(framing.startsWith("gzip") ? ["content-encoding: gzip"] : []),
    isChunked
      ? "transfer-encoding: chunked"
      : framing === "close"
        ? "connection: close"
        : `content-length: ${encoded.length}`,
    `x-number: ${n}`,
    "\r\n",
  ];
  let sent: Buffer[] = [encoded];
  if (isChunked) {
    const chunks = pieces(encoded, below(8), roll);
    sent = chunks.flatMap((chunk) => [Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from("\r\n")]);
    sent.push(Buffer.from(framing === "trailers" ? `0\r\nx-sum: ${long}\r\nx-more: ${n}\r\n\r\n` : "0\r\n\r\n"));
  }
  const whole = Buffer.concat([Buffer.from(head.join("\r\n")), ...sent]);
  const cuts = [0, 0, 3, 40][below(4)] ?? 0;
  return {
    framing,
    body,
    long,
    cut,
    pieces: pieces(cut ? whole.subarray(0, whole.length - below(encoded.length) - 1) : whole, cuts, roll),
  };
}

/** Cut at random, none of them empty. */
function pieces(bytes: Buffer, cuts: number, roll: () => number): Buffer[] {
  const at = new Set(Array.from({ length: cuts }, () => Math.floor(roll() * bytes.length)));
  const places = [...at, bytes.length].filter((place) => place > 0).sort((a, b) => a - b);
  return places.map((place, i) => bytes.subarray(places[i - 1] ?? 0, place));
}

/** A server of {@link framedAnswer} on loopback, over TLS with a key; keeps connections open where the framing allows. */
export async function serveFramedAnswers(tls?: TlsOptions): Promise<{ port: number; close: () => void }> {
  const sockets = new Set<Socket>();
  const connection = (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    socket.setNoDelay(true);
    let asked = "";
    socket.on("data", (bytes) => {
      asked += bytes;
      const [, n] = /^GET \/(\d+) [\s\S]*\r\n\r\n$/.exec(asked) ?? [];
      if (n === undefined) return;
      asked = "";
      send(socket, Number(n)).catch(() => socket.destroy());
    });
  };
  const server: Server = tls ? createTlsServer(tls, connection) : createServer(connection);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", 1024, resolve));
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, close };
}

async function send(socket: Socket, n: number): Promise<void> {
  const { pieces, framing, cut } = framedAnswer(n);
  for (const [i, piece] of pieces.entries()) {
    if (socket.destroyed) return;
    if (!socket.write(piece)) await drained(socket);
    if (i % 3 === 1) await setImmediate();
    if (i % 7 === 2) await sleep(1);
  }
  if (cut || framing === "close") socket.end();
}

/** Waits until more can be written, or the connection is gone. Leaves no listener: a connection has many answers. */
function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off("drain", done).off("close", done);
      resolve();
    };
    socket.on("drain", done).on("close", done);
  });
}
