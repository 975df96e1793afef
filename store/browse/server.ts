import { randomBytes, timingSafeEqual } from "node:crypto";
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type Database, openForReading } from "../database.ts";
import type { FoundPair } from "../find-pairs.ts";
import { html } from "../report/html.ts";
import { layout, pairGrid, type View } from "./layout.ts";
import { Marks } from "./marks.ts";
import { pairPage } from "./pair-page.ts";
import { pairsPage } from "./pairs-page.ts";
import { queriesPage } from "./queries-page.ts";

/** A running browser of a workspace. */
export interface Browser {
  /** http://127.0.0.1:PORT/ */
  address: string;
  close: () => Promise<void>;
}

const STYLES = ["base", "tables", "browse"];
const MAX_FORM_BYTES = 10_000;
const TYPES: Record<string, string> = { jpg: "image/jpeg", webp: "image/webp", png: "image/png" };

/**
 * Nothing that a caption could smuggle in may run, load or be sent anywhere: no script at all, pictures, style and forms
 * of this server only.
 */
const HEADERS = {
  "content-security-policy":
    "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "referrer-policy": "same-origin",
  "cache-control": "no-store",
};

/**
 * Serves the pages of `npm run browse` on 127.0.0.1, reading database and shards as they are, also while a crawl runs.
 * @param port 0 for any free one.
 */
export async function startBrowser(data: string, port: number): Promise<Browser> {
  const db = openForReading(data);
  const site = new Site(db, data);
  const server: Server = createServer((request, response) => {
    site.answer(request, response).catch((error: Error) => {
      console.error(`${request.url}: ${error.message}`);
      if (!response.headersSent) text(response, 500, `error: ${error.message}`);
      else response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(error.code === "EADDRINUSE" ? new Error(`port ${port} is taken: give another --port`) : error),
    );
    server.listen(port, "127.0.0.1", resolve);
  });
  const { port: chosen } = server.address() as AddressInfo;
  site.hosts = [`127.0.0.1:${chosen}`, `localhost:${chosen}`];
  return {
    address: `http://127.0.0.1:${chosen}/`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      db.close();
    },
  };
}

class Site {
  hosts: string[] = [];
  readonly #db: Database;
  readonly #data: string;
  readonly #marks: Marks;
  readonly #token = randomBytes(24).toString("base64url");
  readonly #style = STYLES.map((name) =>
    readFileSync(new URL(`../report/style/${name}.css`, import.meta.url), "utf8"),
  ).join("");

  constructor(db: Database, data: string) {
    [this.#db, this.#data] = [db, data];
    this.#marks = new Marks(data);
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    // A foreign name that resolves to this machine would make a stranger's page our origin (DNS rebinding).
    if (!this.hosts.includes(request.headers.host ?? "")) return text(response, 421, "not this server");
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    const get = (name: string) => url.searchParams.get(name) ?? "";
    if (request.method === "POST" && url.pathname === "/mark") return this.#mark(request, response);
    if (request.method !== "GET" && request.method !== "HEAD") return text(response, 405, "only GET");
    const view: View = {
      token: this.#token,
      marked: (id) => this.#marks.has(id),
      marks: this.#marks.ids.length,
      here: url.pathname + url.search,
    };
    if (url.pathname === "/favicon.ico") return send(response, 204, "image/x-icon", "");
    if (url.pathname === "/style.css") return send(response, 200, "text/css; charset=utf-8", this.#style);
    const id = /^\/(pair|picture)\/([0-9a-f]{16})$/.exec(url.pathname);
    if (id?.[1] === "picture") return this.#picture(id[2] ?? "", response);
    const page =
      id?.[1] === "pair"
        ? pairPage(this.#db, view, id[2] ?? "")
        : url.pathname === "/queries" || url.pathname === "/"
          ? queriesPage(this.#db, view, get("q"), Math.max(0, Math.trunc(Number(get("page"))) || 0))
          : url.pathname === "/pairs"
            ? pairsPage(this.#db, view, {
                query: get("query"),
                text: get("text"),
                state: get("state"),
                reason: get("reason"),
                after: get("after"),
              })
            : url.pathname === "/marked"
              ? this.#markedPage(view)
              : undefined;
    if (page) return send(response, 200, "text/html; charset=utf-8", page.toString());
    send(
      response,
      404,
      "text/html; charset=utf-8",
      layout(
        view,
        "Not here",
        html`<h1>Not here</h1><p class="lead">This data set has no such page or pair.</p>`,
      ).toString(),
    );
  }

  #markedPage(view: View) {
    const read = this.#db.prepare<[string], FoundPair>(
      "SELECT id, id AS place, caption, image_url, state, reason, detail, file FROM pair WHERE id = ?",
    );
    const pairs = this.#marks.ids.flatMap((id) => read.get(id) ?? []);
    return layout(
      view,
      "Marked for removal",
      html`<h1>Marked for removal</h1>`,
      pairs.length === 0
        ? html`<p class="lead">Nothing is marked. Every pair has a button for it.</p>`
        : html`<p class="lead">They are listed in a file of the workspace. This takes them down for good:</p><p><code>npm run remove -- --data ${this.#data} --file ${this.#marks.file}</code></p>`,
      pairs.length > 0 && pairGrid(view, pairs),
    );
  }

  /** The stored bytes, straight from where they lie. */
  #picture(id: string, response: ServerResponse): void {
    const row = this.#db
      .prepare<[string], { file: string | null; offset: number; bytes: number; extension: string | null }>(
        "SELECT file, offset, bytes, extension FROM pair WHERE id = ?",
      )
      .get(id);
    const type = TYPES[row?.extension ?? "jpg"];
    try {
      if (!row?.file || !type) throw new Error("no picture");
      const bytes = Buffer.alloc(row.bytes);
      const descriptor = openSync(join(this.#data, row.file), "r");
      const read = readSync(descriptor, bytes, 0, row.bytes, row.offset);
      closeSync(descriptor);
      response.setHeader("cache-control", "private, max-age=600");
      send(response, 200, type, bytes.subarray(0, read));
    } catch {
      // Shards may be swapped at this moment, or lie on another machine.
      text(response, 404, "the picture is not on this machine");
    }
  }

  async #mark(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const form = new URLSearchParams(await body(request));
    const [token, own] = [Buffer.from(form.get("token") ?? ""), Buffer.from(this.#token)];
    if (token.length !== own.length || !timingSafeEqual(token, own))
      return text(response, 403, "this form is not from this page: load the page again");
    const id = form.get("id") ?? "";
    if (!/^[0-9a-f]{16}$/.test(id)) return text(response, 400, "no pair id");
    this.#marks.set(id, form.get("marked") === "yes");
    // Only to a page of our own: "//elsewhere" would leave it.
    const back = form.get("back") ?? "";
    response.setHeader("location", /^\/(?![/\\])/.test(back) ? back : "/marked");
    text(response, 303, "marked");
  }
}

async function body(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_FORM_BYTES) throw new Error("a form of more than 10 kB");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function text(response: ServerResponse, status: number, message: string): void {
  send(response, status, "text/plain; charset=utf-8", message);
}

function send(response: ServerResponse, status: number, type: string, content: string | Buffer): void {
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(content) });
  response.end(response.req.method === "HEAD" ? undefined : content);
}
