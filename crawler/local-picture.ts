import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import type { Origin } from "../store/types.ts";
import { FetchError } from "./fetch-error.ts";

/**
 * The bytes of a picture that need not be fetched because its source, a folder or a shard, lies on this machine;
 * undefined for all others.
 * @param origin the pair's, as the table holds it.
 * @throws FetchError when the file is gone, shorter than it was, or larger than `maxBytes`.
 */
export async function readLocalPicture(origin: string | null, maxBytes: number): Promise<Buffer | undefined> {
  if (!origin?.includes('"picture"')) return undefined;
  const { picture } = JSON.parse(origin) as Origin;
  if (!picture || /^https?:|^s3:/i.test(picture.file)) return undefined;
  const { file, offset = 0 } = picture;
  try {
    const handle = await open(file);
    try {
      const bytes = picture.bytes ?? (await handle.stat()).size;
      if (bytes > maxBytes) throw new FetchError("too_large", `${bytes} bytes, ${maxBytes} allowed`);
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(bytes), 0, bytes, offset);
      if (bytesRead < bytes || bytes === 0) throw new FetchError("empty", `${file}: ${bytesRead} of ${bytes} bytes`);
      return buffer;
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw error instanceof FetchError ? error : new FetchError("local_file", (error as Error).message);
  }
}

/**
 * Compares a picture's bytes with the checksum its source states.
 * @param checksum `sha256:...` or `md5:...`; null when none was stated.
 * @throws FetchError when they differ.
 */
export function verifyChecksum(body: Uint8Array, checksum: string | null): void {
  if (checksum === null) return;
  const [algorithm = "", expected] = checksum.split(":");
  const found = createHash(algorithm).update(body).digest("hex");
  if (found !== expected) throw new FetchError("checksum", `${algorithm} is ${found}, ${expected} is stated`);
}
