import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import sharp from "sharp";
import { closedPort } from "./free-port.ts";
import { THINGS } from "./small-site.ts";

/** A picture that a crawl must find, and the reasons its pair may be dropped for; none when it must be kept. */
export interface Expected {
  url: string;
  reasons: readonly string[];
}

/** Hundreds of hosts on 127.0.0.1, some of them dead or hostile. */
export interface ManyHosts {
  seeds: string[];
  /** HOST:PORT:ADDRESS each. */
  resolve: string[];
  expected: Expected[];
  close: () => Promise<void>;
}

const PAGES = 4;
const WIDTH = 96;
const HEIGHT = 72;

const PROHIBITED =
  '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" plus:DataMining="http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED"/></rdf:RDF></x:xmpmeta>';

/** What a bad host does with every request for a picture, and how the pairs must end. */
interface Evil {
  reasons: readonly string[];
  answer: (response: ServerResponse, picture: () => Promise<Buffer>) => unknown;
}

const jpeg = (response: ServerResponse) => response.setHeader("content-type", "image/jpeg");
const status = (code: number, reason: string, headers = {}): Evil => ({
  reasons: [reason],
  answer: (response) => response.writeHead(code, headers).end("no"),
});
const redirect = (location: string, reason: string): Evil => status(302, reason, { location });
const body = (bytes: Buffer, ...reasons: string[]): Evil => ({ reasons, answer: (r) => jpeg(r).end(bytes) });

const EVIL: Record<string, Evil> = {
  silent: { reasons: ["timeout"], answer: () => {} },
  drip: {
    reasons: ["timeout"],
    answer: (response) => {
      jpeg(response);
      const timer = setInterval(() => response.write("x"), 1000);
      response.on("close", () => clearInterval(timer));
    },
  },
  endless: {
    reasons: ["too_large"],
    answer: (response) => {
      jpeg(response);
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(1_000_000)));
      };
      response.on("drain", more);
      more();
    },
  },
  "resets before the answer": { reasons: ["reset"], answer: (response) => response.socket?.destroy() },
  "resets in the body": {
    reasons: ["reset", "protocol"],
    answer: (response) => {
      response.writeHead(200, { "content-length": 5000, "content-type": "image/jpeg" }).write(Buffer.alloc(100));
      setTimeout(() => response.socket?.destroy(), 5);
    },
  },
  "speaks no HTTP": { reasons: ["protocol"], answer: (response) => response.socket?.end("SSH-2.0-OpenSSH_9.2\r\n") },
  "headers without end": {
    reasons: ["protocol"],
    answer: (response) => response.socket?.end(`HTTP/1.1 200 OK\r\nx: ${"y".repeat(100_000)}\r\n\r\n`),
  },
  "403": status(403, "http_403"),
  "404": status(404, "http_404"),
  "410": status(410, "http_410"),
  "418": status(418, "http_4xx"),
  "429": status(429, "http_429"),
  "500": status(500, "http_5xx"),
  "503 with Retry-After": status(503, "http_5xx", { "retry-after": "0" }),
  "redirects in a circle": redirect("/circle.jpg", "redirect_loop"),
  "redirects to a private address": redirect("http://10.1.2.3/x.jpg", "private_address"),
  "redirects to metadata": redirect("http://169.254.169.254/latest", "private_address"),
  "redirects to a file": redirect("file:///etc/passwd", "bad_redirect"),
  empty: { reasons: ["empty"], answer: (response) => jpeg(response).end() },
  "web page as picture": body(Buffer.from("<!doctype html><title>Gone</title>"), "undecodable"),
  svg: body(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), "unsupported_format"),
  zeros: body(Buffer.alloc(50_000), "undecodable"),
  "gzip bomb": {
    reasons: ["too_large"],
    answer: (response) => jpeg(response).setHeader("content-encoding", "gzip").end(BOMB),
  },
  "cut picture": {
    reasons: ["undecodable"],
    answer: async (response, picture) => {
      const bytes = await picture();
      jpeg(response).end(bytes.subarray(0, bytes.length / 2));
    },
  },
  "x-robots-tag": {
    reasons: ["opt_out"],
    answer: async (response, picture) =>
      jpeg(response)
        .setHeader("x-robots-tag", "noai")
        .end(await picture()),
  },
  "plus data mining": {
    reasons: ["opt_out_metadata", "opt_out"],
    answer: async (response, picture) =>
      jpeg(response).end(
        await sharp(await picture())
          .withXmp(PROHIBITED)
          .toBuffer(),
      ),
  },
  tiny: {
    reasons: ["too_small"],
    answer: async (response, picture) =>
      jpeg(response).end(
        await sharp(await picture())
          .resize(20, 20)
          .toBuffer(),
      ),
  },
  "robots.txt disallows": { reasons: ["robots"], answer: (response) => response.end() },
  "robots.txt fails": { reasons: ["robots"], answer: (response) => response.end() },
  // Its robots.txt cannot be reached, which counts as a prohibition (RFC 9309, 2.3.1.4).
  "nobody listens": { reasons: ["robots", "connect"], answer: (response) => response.end() },
};
const BOMB = gzipSync(Buffer.alloc(100_000_000));

/**
 * Starts `hosts` hosts with `pictures` pictures in all; 15 % of the hosts are bad, in thirty ways. The good ones have pages that
 * show their own pictures and the bad hosts'.
 */
export async function startManyHosts(hosts: number, pictures: number): Promise<ManyHosts> {
  const ways = Object.keys(EVIL);
  const badHosts = Math.round(hosts * 0.15);
  const perHost = Math.floor(pictures / hosts);
  const dead = await closedPort();
  const pages = new Map<string, string>();
  const behaviour = new Map<string, string>();

  const server: Server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", 1024, resolve));
  const { port } = server.address() as AddressInfo;

  const expected: Expected[] = [];
  const good: string[] = [];
  const shown: string[] = [];
  const resolve: string[] = [];
  for (let i = 0; i < hosts; i++) {
    const way = i < badHosts ? ways[i % ways.length] : undefined;
    const at = way === "nobody listens" ? dead : port;
    const host = `h${i}.example:${at}`;
    resolve.push(`${host}:127.0.0.1`);
    if (way) behaviour.set(host, way);
    else good.push(host);
    for (let n = 0; n < perHost; n++) {
      const url = `http://${host}/${n}.jpg`;
      // After twenty failures in a row a host is left alone.
      expected.push({ url, reasons: way === undefined ? [] : [...(EVIL[way]?.reasons ?? []), "host_down"] });
      if (way) shown.push(url);
    }
  }
  const image = (url: string, n: number) =>
    `<img src="${url}" alt="A drawing of a ${THINGS[n % THINGS.length]} beside an apple">`;
  for (const [g, host] of good.entries()) {
    for (let p = 0; p < PAGES; p++) {
      const own = Array.from({ length: perHost }, (_, n) => n).filter((n) => n % PAGES === p);
      const others = shown.filter((_, n) => n % (good.length * PAGES) === g * PAGES + p);
      const images = [...own.map((n) => image(`/${n}.jpg`, n)), ...others.map(image)];
      const next = p + 1 < PAGES ? `<a href="/page${p + 1}.html">next</a>` : "";
      pages.set(`${host}/page${p}.html`, `<!doctype html><title>Page ${p}</title>${images.join("\n")}${next}`);
    }
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const host = request.headers.host ?? "";
    const path = request.url ?? "/";
    const page = pages.get(host + path);
    if (page) return void response.setHeader("content-type", "text/html").end(page);
    const way = behaviour.get(host);
    if (path === "/robots.txt") {
      if (way === "robots.txt fails") return void response.writeHead(500).end();
      return void response.end(way === "robots.txt disallows" ? "user-agent: *\ndisallow: /" : "");
    }
    if (way === "redirects in a circle" || /^\/\d+\.jpg$/.test(path)) {
      const picture = () => draw(Number(host.slice(1, host.indexOf("."))), Number(path.slice(1, -4)));
      if (way) await EVIL[way]?.answer(response, picture);
      else jpeg(response).end(await picture());
    } else {
      response.writeHead(404).end();
    }
  }

  return {
    seeds: good.map((host) => `http://${host}/page0.html`),
    resolve,
    expected,
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

/** Another picture for each host and number; the same each time. */
function draw(host: number, n: number): Promise<Buffer> {
  const pixels = Buffer.alloc(WIDTH * HEIGHT * 3);
  const seed = host * 1009 + n;
  const [a, b, c] = [(seed % 17) + 1, (seed % 23) + 2, seed % 29];
  for (let y = 0, at = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      pixels[at++] = (x * a + y * c) & 255;
      pixels[at++] = ((x * x) / b + y * 2 + seed) & 255;
      pixels[at++] = (host + ((x * y) >> 4) + n * 3) & 255;
    }
  }
  return sharp(pixels, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
    .jpeg({ quality: 70 })
    .toBuffer();
}
