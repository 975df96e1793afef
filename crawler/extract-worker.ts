/** The thread of {@link ExtractPool}: reads one document a message. */
import { parentPort } from "node:worker_threads";
import { gunzipSync } from "node:zlib";
import { extractPage } from "./extract.ts";
import type { Job, Reading } from "./extract-pool.ts";
import { extractSitemap } from "./sitemap.ts";

const MAX_SITEMAP_BYTES = 50 * 1024 * 1024;

function read({ body, url, type, agent }: Job): Reading {
  const charset = /charset\s*=\s*["']?([^\s;"']+)/i.exec(type)?.[1];
  if (/html/i.test(type)) return { page: extractPage(body, url, charset, agent) };
  // sitemap.xml.gz is a gzip file, whatever the transfer's encoding was.
  const zipped = body[0] === 0x1f && body[1] === 0x8b;
  const sitemap = extractSitemap(zipped ? gunzipSync(body, { maxOutputLength: MAX_SITEMAP_BYTES }) : body);
  if (sitemap) return { sitemap };
  return type === "" ? { page: extractPage(body, url, charset, agent) } : {};
}

parentPort?.on("message", (job: Job) => {
  try {
    parentPort?.postMessage(read(job));
  } catch (error) {
    parentPort?.postMessage({ error: String(error) });
  }
});
