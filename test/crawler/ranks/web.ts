import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import type { CrawlFlags } from "../../../crawler/flags.ts";
import { type ArchivePage, watMembers } from "../../archives/write.ts";
import { photo } from "../../filters/image/photo.ts";
import { OWN_ADDRESS, OWN_PORT } from "../../servers/own-address.ts";
import { THINGS } from "../../servers/small-site.ts";

/** Words for the query list of what is here. */
export const WORDS = [...THINGS, "photo", "apple", "beside", "drawing", "copy"];

/** Sites and lists on this machine, with all that makes ranks depend on each other. */
export interface RanksWeb {
  /** What to crawl; the same as options of the command line in `args`. */
  flags: Omit<CrawlFlags, "data">;
  args: string[];
  /** Called at each request, when set. */
  onRequest?: () => void;
  /** How long a picture takes, in milliseconds. */
  delayMs: number;
  /** What pictures wait for, when set. */
  hold?: Promise<void>;
  close: () => Promise<void>;
}

const [HOSTS, PICTURES] = [8, 12];
const SIZE = 216;

/**
 * Starts eight hosts. Each shows twelve pictures on two pages; some are the pictures of the next host, some are gone, one
 * has three texts, and one text stands beside two pictures of every host. Lists name the same and others, some twice.
 * @param folder where the lists go.
 */
export async function startRanksWeb(folder: string): Promise<RanksWeb> {
  const drawn = new Map<number, Promise<Buffer>>();
  const draw = (number: number) => {
    const picture =
      drawn.get(number) ??
      photo(number, SIZE / 3, SIZE / 3)
        .resize(SIZE, SIZE)
        .jpeg({ quality: 95 })
        .toBuffer();
    drawn.set(number, picture);
    return picture;
  };
  let web: RanksWeb | undefined;
  const server = createServer(async (request, response) => {
    web?.onRequest?.();
    if (!request.url?.includes("page")) await sleep(web?.delayMs);
    if (request.url?.endsWith(".jpg")) await web?.hold;
    const host = Number(/^site(\d+)\./.exec(request.headers.host ?? "")?.[1]);
    const [, kind, number] = /^\/(page|own|copy|gone)(\d+)/.exec(request.url ?? "") ?? [];
    if (kind === "page") {
      response.setHeader("content-type", "text/html; charset=utf-8").end(page(host, Number(number)));
    } else if (kind === "own" || kind === "copy") {
      // A copy is another picture of the next host.
      const drawing =
        kind === "own" ? host * PICTURES + Number(number) : ((host + 1) % HOSTS) * PICTURES + Number(number) - 1;
      response.setHeader("content-type", "image/jpeg").end(await draw(drawing));
    } else {
      response.writeHead(404).end("not here");
    }
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(OWN_PORT, OWN_ADDRESS, resolve));
  const names = Array.from({ length: HOSTS }, (_, i) => `site${i}.example:${OWN_PORT}`);
  const limits = join(folder, "limits.tsv");
  mkdirSync(folder, { recursive: true });
  writeFileSync(limits, "127.0.0.0/8\t0\t10000\t4\n");
  const sources = {
    seeds: names.slice(0, 6).map((name) => `http://${name}/page0.html`),
    urls: writeLists(folder, names),
    wat: [writeArchive(folder, names)],
  };
  const resolve = names.map((name) => `${name}:${OWN_ADDRESS}`);
  web = {
    delayMs: 0,
    flags: {
      ...{
        quiet: true,
        json: false,
        depth: 20,
        maxPages: 1_000_000,
        maxPagesPerSite: 100_000,
        hostLimits: limits,
        resolve,
      },
      allowPrivate: ["127.0.0.0/8"],
      ...sources,
    },
    args: [
      ...["--quiet", "--host-limits", limits, "--allow-private", "127.0.0.0/8", "--resolve", ...resolve],
      ...Object.entries(sources).flatMap(([name, values]) => [`--${name}`, ...values]),
    ],
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
  return web;
}

/** Where a picture of a host lies: two of three are its own, every fifth is gone. */
function pathOf(number: number): string {
  if (number % 5 === 4) return `/gone${number}.jpg`;
  return number % 3 === 2 ? `/copy${number}.jpg` : `/own${number}.jpg`;
}

function textOf(host: number, number: number): string {
  if (number === 1 || number === 6) return "A photo of an old bridge";
  return `A photo of a ${THINGS[(host + number) % THINGS.length]} beside an apple, number ${number}`;
}

function page(host: number, number: number): string {
  const own = Array.from({ length: PICTURES }, (_, i) => i).filter((i) => i % 2 === number);
  const images = own.map((i) => `<img src="${pathOf(i)}" alt="${textOf(host, i)}">`);
  const figure = `<figure><img src="${pathOf(0)}"><figcaption>A drawing of a small house</figcaption></figure>`;
  const title = `<img src="${pathOf(0)}" title="A copy of the same steam train">`;
  const next = number === 0 ? '<a href="/page1.html">next</a>' : "";
  return `<!doctype html><title>Page</title>${images.join("\n")}${figure}${title}${next}<img src="/own0.jpg">`;
}

/** Seven lists; what the pages show is in them too, under the same and under other texts, some of it twice. */
function writeLists(folder: string, names: readonly string[]): string[] {
  return Array.from({ length: 7 }, (_, list) => {
    const rows = ["url,caption,page"];
    for (const [host, name] of names.entries()) {
      for (let i = 0; i < PICTURES; i++) {
        if ((host + i) % 7 !== list && i % 6 !== list) continue;
        const text = i % 4 === 0 ? textOf(host, i) : `A photo of a ${THINGS[i % THINGS.length]} and a red apple ${i}`;
        rows.push(`http://${name}${pathOf(i)},"${text}",http://list.example/${list}`);
      }
    }
    rows.push("nonsense,A photo,", `http://${names[list]}/own1.jpg,,`);
    const file = join(folder, `list${list}.csv`);
    writeFileSync(file, `${rows.join("\n")}\n`);
    return file;
  });
}

/** A list of archives: pages of other sites that show the hosts' pictures. */
function writeArchive(folder: string, names: readonly string[]): string {
  const files = [0, 1, 2].map((archive) => {
    const pages = names.map(
      (name, host): ArchivePage => ({
        uri: `http://blog${archive}.example/${host}`,
        html: Buffer.from(`<img src="http://${name}${pathOf(archive + 4)}" alt="${textOf(host, archive + 4)}">`),
      }),
    );
    const file = join(folder, `${archive}.warc.wat.gz`);
    writeFileSync(file, Buffer.concat(watMembers(pages)));
    return file;
  });
  const list = join(folder, "wat.paths.gz");
  writeFileSync(list, gzipSync(`${files.join("\n")}\n`));
  return list;
}
