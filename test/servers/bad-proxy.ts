import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

/** What happens to the next requests before they are passed on as they are again. */
export type Trouble =
  /** Answered so by the proxy itself. */
  | { status: number; body: string }
  /** Passed on, but the connection breaks after so many bytes of the answer (0: the answer is lost). */
  | { breakAfter: number };

/** A proxy that makes the trouble that servers and nets make. */
export interface BadProxy {
  endpoint: string;
  /** Taken from the front, one a request that `matches`. */
  troubles: Trouble[];
  matches: (method: string, path: string) => boolean;
  /** Those of the requests to one bucket, for calls that run at once. */
  bucketTroubles: Map<string, Trouble[]>;
  /** "METHOD path" of each request, in order. */
  asked: string[];
  close: () => void;
}

/** Starts one before `target`, an address http://HOST:PORT. */
export async function startBadProxy(target: string): Promise<BadProxy> {
  const { hostname, port } = new URL(target);
  const server = createServer((incoming, outgoing) => {
    const { method = "", url = "", headers } = incoming;
    proxy.asked.push(`${method} ${url}`);
    const bucket = /^\/([^/?]+)/.exec(url)?.[1] ?? "";
    const own = proxy.bucketTroubles.get(bucket)?.shift();
    const trouble = own ?? (proxy.matches(method, url) ? proxy.troubles.shift() : undefined);
    if (trouble && "status" in trouble) {
      incoming.resume();
      incoming.on("end", () =>
        outgoing.writeHead(trouble.status, { "content-type": "application/xml" }).end(trouble.body),
      );
      return;
    }
    // Servers may give fewer names a page than they could.
    const path = url.includes("list-type=2") ? `${url}&max-keys=4` : url;
    const passed = request({ hostname, port, method, path, headers }, (answer) => {
      if (!trouble) {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
        return;
      }
      if (trouble.breakAfter === 0) {
        answer.resume();
        answer.on("end", () => outgoing.destroy());
        return;
      }
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      let left = trouble.breakAfter;
      answer.on("data", (chunk: Buffer) => {
        const part = chunk.subarray(0, left);
        left -= part.length;
        outgoing.write(part, () => left === 0 && outgoing.destroy());
      });
    });
    passed.on("error", () => outgoing.destroy());
    incoming.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const proxy: BadProxy = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    troubles: [],
    matches: () => true,
    bucketTroubles: new Map(),
    asked: [],
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
  return proxy;
}
