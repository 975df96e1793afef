import { hash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Decoders } from "../filters/image/decoders.ts";
import { ImageError } from "../filters/image/image-error.ts";
import type { Picture, PictureOptions } from "../filters/image/picture.ts";
import { release } from "./buffers.ts";
import { FetchError, Stopped } from "./fetch-error.ts";
import { readLocalPicture, verifyChecksum } from "./local-picture.ts";
import { type BodyMemory, Holding } from "./memory.ts";
import type { Net } from "./net.ts";

/** How the download of one pair ended: with a picture, or with a drop reason. */
export interface Outcome {
  id: string;
  attempts: number;
  status: number | null;
  /** Signals seen on the way or in the file, obeyed or not. */
  optOut: string[];
  picture?: Picture & { sha256: string };
  reason?: string;
  detail?: string;
}

const MAX_IMAGE_BYTES = 20 * 1024 * 1024;
const ATTEMPTS = 3;
/** A drip costs its slot for long; once more is enough. */
const TIMEOUT_ATTEMPTS = 2;

/**
 * Fetches and decodes the picture of one pair, again where that can help.
 * @returns undefined when the run was stopped before there was an outcome.
 * @throws Error when this machine, not the host, is the trouble.
 */
export async function fetchPicture(
  row: { id: string; image_url: string; origin: string | null; checksum: string | null },
  net: Net,
  decoders: Decoders,
  memory: BodyMemory,
  options: PictureOptions & { stop: AbortSignal },
): Promise<Outcome | undefined> {
  const url = new URL(row.image_url);
  for (let attempt = 1; !options.stop.aborted; attempt++) {
    const holding = new Holding(memory);
    let body: Buffer | undefined;
    try {
      const local = await readLocalPicture(row.origin, MAX_IMAGE_BYTES);
      const answer = local
        ? { status: null, body: local, optOut: [] }
        : await net.image(url, {
            maxBytes: MAX_IMAGE_BYTES,
            accept: "image/avif, image/webp, image/png, image/jpeg, image/*;q=0.8",
            room: holding.room,
            around: holding.around,
          });
      body = answer.body;
      await holding.settle(body.buffer.byteLength);
      verifyChecksum(body, row.checksum);
      const outcome = { id: row.id, attempts: attempt, status: answer.status };
      try {
        const picture = await decoders.make(body, options);
        return {
          ...outcome,
          optOut: [...answer.optOut, ...picture.optOut],
          picture: { ...picture, sha256: hash("sha256", body) },
        };
      } catch (error) {
        // A decoder that has answered has taken all of it; of one that died nobody knows.
        if (!(error instanceof ImageError) || error.reason === "decoder_failed") body = undefined;
        if (!(error instanceof ImageError)) throw error;
        return { ...outcome, optOut: [...answer.optOut, ...error.optOut], reason: error.reason, detail: error.message };
      }
    } catch (error) {
      if (error instanceof Stopped) return undefined;
      if (!(error instanceof FetchError)) throw error;
      // Not the host's fault: such pairs must not be dropped for it.
      if (/^(EMFILE|ENFILE|ENOBUFS)\b/.test(error.message)) throw new Error(error.message, { cause: error });
      const again = error.again && attempt < (error.reason === "timeout" ? TIMEOUT_ATTEMPTS : ATTEMPTS);
      if (!again) {
        const { status = null, reason, message, signals } = error;
        return { id: row.id, attempts: attempt, status, optOut: [...signals], reason, detail: message };
      }
      // With a Retry-After the host's queue waits; without, each picture for itself, jittered so that they do not return at once.
      if (error.retryAfterMs === undefined) await sleep(500 * 2 ** attempt * (0.5 + Math.random()));
    } finally {
      if (body) release(body);
      holding.release();
    }
  }
  return undefined;
}
