import { createServer, type Server, type ServerResponse } from "node:http";
import sharp from "sharp";
import { OWN_ADDRESS, OWN_PORT } from "./own-address.ts";

/** A site of a few pages for tests that need to know every byte; many hosts, one server on loopback, the same pairs in every run. */
export interface SmallSite {
  seeds: string[];
  /** HOST:PORT:ADDRESS each. */
  resolve: string[];
  /** Command-line options under which it can be crawled, without waiting. */
  options: string[];
  /** Requests answered, by path with host. */
  requests: Map<string, number>;
  /** Called at each request, when set. */
  onRequest?: () => void;
  close: () => Promise<void>;
}

/** What the captions are about: plain English, each a query of the embedded list. */
export const THINGS = [
  "red apple",
  "white horse",
  "old bridge",
  "green bottle",
  "small house",
  "fishing boat",
  "brown bear",
  "steam train",
];

/**
 * Starts `hosts` sites of `pages` pages with `pictures` pictures each. Every tenth picture is missing; all captions
 * hold the word "apple", so that a small cap has something to do.
 * @param delayMs how long each answer takes.
 */
export async function startSmallSite(hosts: number, pages: number, pictures: number, delayMs = 0): Promise<SmallSite> {
  const requests = new Map<string, number>();
  let site: SmallSite | undefined;
  const server: Server = createServer((request, response) => {
    const host = request.headers.host ?? "";
    const address = `${host}${request.url}`;
    requests.set(address, (requests.get(address) ?? 0) + 1);
    site?.onRequest?.();
    setTimeout(() => void answer(host, request.url ?? "/", response), delayMs);
  });
  const answer = async (host: string, path: string, response: ServerResponse) => {
    const page = /^\/page(\d+)\.html$/.exec(path)?.[1];
    const picture = /^\/p(\d+)-(\d+)\.png$/.exec(path);
    if (page !== undefined) {
      response.setHeader("content-type", "text/html; charset=utf-8").end(html(Number(page), pages, pictures));
    } else if (picture && Number(picture[2]) % 10 !== 9) {
      const number = Number(picture[1]) * pictures + Number(picture[2]);
      const colour = { r: number & 255, g: (number >> 8) & 255, b: 40 * Number(host[4]) };
      response.setHeader("content-type", "image/png").end(
        await sharp({ create: { width: 80, height: 70, channels: 3, background: colour } })
          .png()
          .toBuffer(),
      );
    } else {
      response.writeHead(404).end("not here");
    }
  };
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(OWN_PORT, OWN_ADDRESS, resolve));
  const names = Array.from({ length: hosts }, (_, i) => `site${i}.example:${OWN_PORT}`);
  const seeds = names.map((name) => `http://${name}/page0.html`);
  const resolve = names.map((name) => `${name}:${OWN_ADDRESS}`);
  site = {
    seeds,
    resolve,
    options: ["--seeds", ...seeds, "--resolve", ...resolve, "--allow-private", "127.0.0.0/8"],
    requests,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return site;
}

function html(page: number, pages: number, pictures: number): string {
  const images = Array.from({ length: pictures }, (_, i) => {
    const thing = THINGS[(page * pictures + i) % THINGS.length];
    return `<img src="/p${page}-${i}.png" alt="A drawing of a ${thing} beside an apple">`;
  });
  const next = page + 1 < pages ? `<a href="/page${page + 1}.html">next</a>` : "";
  return `<!doctype html><title>Page ${page}</title>${images.join("\n")}${next}`;
}
