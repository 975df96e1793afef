import type { Database } from "../../store/database.ts";
import { normaliseUrl } from "../../store/pair-id.ts";
import type { Candidate, Origin } from "../../store/types.ts";
import type { HttpClient } from "../http.ts";
import { headerOptOut, pageOptOut } from "../opt-out.ts";
import { extractArchivedPage } from "./archive/archived-page.ts";
import { type HttpResponse, parseHttpResponse, unpackBody } from "./archive/http-response.ts";
import { readArchive } from "./archive/read-archive.ts";
import { fieldOf, type WarcRecord } from "./archive/records.ts";
import type { Batch } from "./source.ts";
import { Tally } from "./tally.ts";

/**
 * The pairs on the pages of a WARC file, local or remote, as the crawler would have found them. A run that was killed
 * goes on at the record behind the last piece it took.
 * @throws Error naming the file when it cannot be read.
 */
export function readWarc(
  db: Database,
  http: HttpClient,
  file: string,
  agent: string,
  stop: AbortSignal,
): AsyncGenerator<Batch> {
  return readArchive(db, http, file, stop, () => new PageBatch(agent));
}

/** The pairs of archived responses. */
export class PageBatch {
  readonly tally = new Tally();
  readonly #agent: string;
  readonly #candidates: Candidate[] = [];

  constructor(agent: string) {
    this.#agent = agent;
  }

  take(): Pick<Batch, "candidates" | "drops"> {
    return { candidates: this.#candidates, drops: this.tally.drops() };
  }

  /** Takes a record of `file`; those that are no answer with a page are passed over. */
  add({ header, bytes, from, to, offset }: WarcRecord, file: string): void {
    const type = fieldOf(header, "WARC-Type");
    if (type !== "response" && type !== "resource") return;
    // Some writers put the address in angle brackets.
    const uri = normaliseUrl((fieldOf(header, "WARC-Target-URI") ?? "").replace(/^<|>$/g, ""));
    if (uri === undefined) return;
    const origin: Origin = { file, offset };
    const date = fieldOf(header, "WARC-Date");
    if (date) origin.date = date;
    try {
      const block = bytes.subarray(from, to);
      const response =
        type === "resource"
          ? { status: 200, headers: { "content-type": fieldOf(header, "Content-Type") ?? "" }, body: block }
          : parseHttpResponse(block);
      if (response) this.#addPage(response, uri, origin);
      else this.tally.add("bad_record", `${file} byte ${offset}`);
    } catch {
      this.tally.add("bad_record", `${file} byte ${offset}`);
    }
  }

  #addPage(response: HttpResponse, uri: string, origin: Origin): void {
    const { status, headers } = response;
    const type = headers["content-type"] ?? "";
    if (status < 200 || status > 299 || !/html|^$/i.test(type)) return;
    const body = unpackBody(response);
    if (body.length === 0) return;
    const charset = /charset\s*=\s*["']?([^\s;"']+)/i.exec(type)?.[1];
    const page = extractArchivedPage(body, uri, charset, this.#agent);
    const optOut = pageOptOut(headerOptOut(headers, this.#agent), page);
    const language = headers["content-language"]?.split(",")[0]?.trim();
    if (language) origin.language = language;
    for (const { imageUrl, caption, kind } of page.found) {
      this.#candidates.push({
        imageUrl,
        caption,
        kind,
        pageUrl: uri,
        source: "warc",
        origin,
        ...(page.licence ? { licence: page.licence } : {}),
        ...(optOut.length > 0 ? { optOut } : {}),
      });
    }
    this.tally.add("no_text", page.noText.example, page.noText.count);
    this.tally.add("bad_url", page.badUrl.example, page.badUrl.count);
  }
}
