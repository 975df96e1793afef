import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const HEAD = "# Pairs marked in the browser; npm run remove -- --file takes them down.\n";

/**
 * The pairs marked for removal, in a file of the workspace that `npm run remove -- --file` reads: the browser itself only
 * reads the database, so that it can run beside a crawl.
 */
export class Marks {
  readonly file: string;
  readonly #ids: Set<string>;

  constructor(data: string) {
    this.file = join(data, "marked.txt");
    const lines = existsSync(this.file) ? readFileSync(this.file, "utf8").split("\n") : [];
    this.#ids = new Set(lines.filter((line) => /^[0-9a-f]{16}$/.test(line)));
  }

  /** Marked pair ids, in the order of marking. */
  get ids(): string[] {
    return [...this.#ids];
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** Marks a pair or takes the mark away; lasting when it returns. */
  set(id: string, marked: boolean): void {
    if (marked) this.#ids.add(id);
    else this.#ids.delete(id);
    const temporary = `${this.file}.${process.pid}.tmp`;
    writeFileSync(temporary, HEAD + this.ids.map((id) => `${id}\n`).join(""), { flush: true });
    renameSync(temporary, this.file);
  }
}
