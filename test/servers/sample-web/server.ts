import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import type { Behaviour, Page, Site } from "./catalogue.ts";
import { renderPage, renderSitemap } from "./html.ts";
import { renderPicture } from "./pictures.ts";
import { buildSites } from "./sites.ts";
import { type TruthRow, truthOf } from "./truth.ts";

/** The running web. */
export interface SampleWeb {
  port: number;
  /** The front page of each site. */
  seeds: string[];
  /** HOST:PORT:ADDRESS for each site, as curl's and our `--resolve` take them. */
  resolve: string[];
  /** A host-limits file under which it is crawled in seconds. */
  hostLimits: string;
  truth: TruthRow[];
  close: () => Promise<void>;
}

/**
 * Serves six sites on 127.0.0.1, told apart by the Host header.
 * @param options `port` 0 takes any; `scale` (0 to 1] shrinks all counts.
 */
export async function startSampleWeb(options: { port?: number; scale?: number } = {}): Promise<SampleWeb> {
  const sites = new Map<string, Site>();
  const server = createServer((request, response) => {
    const site = sites.get(request.headers.host ?? "");
    if (!site) return void response.writeHead(421).end("no such site here");
    answer(site, request, response).catch(() => response.destroy());
  });
  server.keepAliveTimeout = 30_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  for (const site of buildSites(port, options.scale ?? 1)) sites.set(site.host, site);
  return {
    port,
    seeds: [...sites.keys()].map((host) => `http://${host}/`),
    resolve: [...sites.keys()].map((host) => `${host}:127.0.0.1`),
    // A range, so that what the six have in common, the address, gets no limit of its own.
    hostLimits: "127.0.0.0/8\t0.02\t2000\t16\n",
    truth: truthOf([...sites.values()]),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(site: Site, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = new URL(request.url ?? "/", `http://${site.host}`).pathname;
  if (path === "/robots.txt") return void response.setHeader("content-type", "text/plain").end(site.robots);
  if (path === "/sitemap.xml" && site.sitemap)
    return void response.setHeader("content-type", "application/xml").end(renderSitemap(site.sitemap));
  const page = site.pages.get(path);
  if (page) return answerPage(site, page, request, response);
  const behaviour = site.pictures.get(path);
  if (behaviour) return answerPicture(site, behaviour, response);
  response.writeHead(404, { "content-type": "text/html" }).end("<!doctype html><title>Not here</title>");
}

function answerPage(site: Site, page: Page, request: IncomingMessage, response: ServerResponse): void {
  if (site.failsFirst > 0) {
    site.failsFirst--;
    return void response.writeHead(503, { "retry-after": "1" }).end("one moment");
  }
  const html = renderPage(site, page);
  response.setHeader("content-type", page.special === "latin1" ? "text/html" : "text/html; charset=utf-8");
  const bytes = Buffer.from(html, page.special === "latin1" ? "latin1" : "utf8");
  if (page.markup % 2 === 1 && /\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""))) {
    response.setHeader("content-encoding", "gzip").end(gzipSync(bytes));
  } else {
    response.end(bytes);
  }
}

async function answerPicture(site: Site, behaviour: Behaviour, response: ServerResponse): Promise<void> {
  switch (behaviour.kind) {
    case "redirect":
      return void response.writeHead(behaviour.to.startsWith("/moved") ? 301 : 302, { location: behaviour.to }).end();
    case "status":
      return void response.writeHead(behaviour.status).end("nothing here");
    case "drip":
    case "endless": {
      response.writeHead(200, { "content-type": "image/png" });
      const [bytes, every] = behaviour.kind === "drip" ? [1, 1_000] : [1_000_000, 5];
      const timer = setInterval(() => response.write(Buffer.alloc(bytes)), every);
      return void response.on("close", () => clearInterval(timer));
    }
    default: {
      const sent = await renderPicture(site, behaviour);
      if (!sent) throw new Error("a picture without bytes");
      response.setHeader("content-type", sent.type);
      if (behaviour.kind === "noai") response.setHeader("x-robots-tag", "noai");
      response.end(sent.bytes);
    }
  }
}
