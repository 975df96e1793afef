import { randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import {
  constants,
  copyFile,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { pathToFileURL } from "node:url";
import { type Content, checkName, type ObjectInfo, type Objects } from "../objects.ts";

const CHUNK = 262_144;

/** Objects as files of a folder, on this machine or on a file system that many share. */
export class LocalObjects implements Objects {
  readonly location: string;
  readonly #root: string;

  constructor(folder: string) {
    this.location = folder;
    this.#root = resolve(folder);
  }

  async *list(prefix: string): AsyncGenerator<ObjectInfo> {
    const folder = prefix.slice(0, prefix.lastIndexOf("/") + 1);
    if (folder !== "") checkName(folder.slice(0, -1));
    yield* this.#walk(folder, prefix);
  }

  /** Sorted by whole names: `a.json` comes before `a/b`, since `.` is less than `/`. */
  async *#walk(folder: string, prefix: string): AsyncGenerator<ObjectInfo> {
    const entries = await readdir(join(this.#root, folder), { withFileTypes: true }).catch(ifMissing([]));
    const names = entries
      .filter(({ name }) => !name.startsWith("."))
      .map((entry) => `${folder}${entry.name}${entry.isDirectory() ? "/" : ""}`)
      .filter((name) => name.startsWith(prefix) || prefix.startsWith(name))
      .sort((a, b) => (a < b ? -1 : 1));
    for (const name of names) {
      if (name.endsWith("/")) {
        yield* this.#walk(name, prefix);
      } else if (name.startsWith(prefix)) {
        const info = await this.stat(name);
        // It may have been deleted since.
        if (info) yield info;
      }
    }
  }

  async stat(name: string): Promise<ObjectInfo | undefined> {
    const found = await stat(this.#path(name)).catch(ifMissing(undefined));
    return found?.isFile() ? { name, size: found.size, modified: found.mtime } : undefined;
  }

  async *read(name: string, { start = 0, end }: { start?: number; end?: number } = {}): AsyncGenerator<Buffer> {
    if (end !== undefined && end <= start) return;
    let at = start;
    const range = { start, highWaterMark: CHUNK, ...(end === undefined ? {} : { end: end - 1 }) };
    try {
      for await (const chunk of createReadStream(this.#path(name), range)) {
        at += chunk.length;
        yield chunk;
      }
    } catch (error) {
      throw named(this.url(name), error);
    }
    if (end !== undefined && at < end) throw new Error(`${this.url(name)}: ends at byte ${at}, before ${end}`);
  }

  async get(name: string): Promise<Buffer> {
    return readFile(this.#path(name)).catch((error) => Promise.reject(named(this.url(name), error)));
  }

  async getIfPresent(name: string): Promise<Buffer | undefined> {
    return readFile(this.#path(name)).catch(ifMissing(undefined));
  }

  async fetch(name: string, file: string, { readOnly = false }: { readOnly?: boolean } = {}): Promise<void> {
    await atomically(file, (temporary) => bring(this.#path(name), temporary, readOnly)).catch((error) =>
      Promise.reject(named(this.url(name), error)),
    );
  }

  async fetchRange(name: string, { start, end }: { start: number; end: number }) {
    const { size } = (await this.stat(name)) ?? {};
    if (size === undefined) throw new Error(`${this.url(name)}: there is no such object`);
    if (size < end) throw new Error(`${this.url(name)}: ends at byte ${size}, before ${end}`);
    return { file: this.#path(name), offset: start };
  }

  async put(name: string, content: Content): Promise<void> {
    const path = this.#path(name);
    await mkdir(dirname(path), { recursive: true });
    await atomically(path, async (temporary) => {
      if (Buffer.isBuffer(content)) await writeFile(temporary, content, { flush: true });
      else if ("file" in content) await bring(content.file, temporary, content.final ?? false);
      else await pipeline(Readable.from(content), createWriteStream(temporary, { flush: true }));
    });
  }

  async putIfAbsent(name: string, bytes: Buffer): Promise<boolean> {
    const path = this.#path(name);
    await mkdir(dirname(path), { recursive: true });
    const temporary = temporaryFor(path);
    try {
      await writeFile(temporary, bytes, { flush: true });
      // A link fails where something has the name, on NFS too.
      await link(temporary, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      return bytes.equals(await readFile(path));
    } finally {
      await rm(temporary, { force: true });
    }
    await syncFolder(dirname(path));
    return true;
  }

  async delete(name: string): Promise<void> {
    await rm(this.#path(name), { force: true });
  }

  url(name: string): string {
    return pathToFileURL(join(this.#root, name)).href;
  }

  #path(name: string): string {
    checkName(name);
    return join(this.#root, name);
  }
}

/** Unique on all machines that share the folder, and hidden from lists. */
function temporaryFor(path: string): string {
  return join(dirname(path), `.${randomUUID()}.tmp`);
}

async function atomically(path: string, write: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = temporaryFor(path);
  try {
    await write(temporary);
    await rename(temporary, path);
  } finally {
    // Also where `path` was a link to the same file: renaming does nothing then.
    await rm(temporary, { force: true });
  }
  await syncFolder(dirname(path));
}

/** A link where one will do and the file system can; else a copy, without copying blocks where it can share them. */
async function bring(from: string, to: string, linked: boolean): Promise<void> {
  if (linked) {
    const done = await link(from, to).then(
      () => true,
      (error) => {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") throw error;
        return false;
      },
    );
    if (done) return sync(to);
  }
  await copyFile(from, to, constants.COPYFILE_FICLONE);
  await sync(to);
}

async function sync(file: string): Promise<void> {
  const handle = await open(file, "r");
  await handle.sync().finally(() => handle.close());
}

/** A name is safe on disk when its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  // Some network file systems cannot, and need not.
  await handle
    .sync()
    .catch(() => {})
    .finally(() => handle.close());
}

function ifMissing<T>(value: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return value;
    throw error;
  };
}

function named(url: string, error: unknown): Error {
  const { message } = error as Error;
  return message.includes(url) ? (error as Error) : new Error(`${url}: ${message}`, { cause: error });
}
