import { statSync } from "node:fs";
import { type Database, getMeta, setMeta } from "../../store/database.ts";

/** Notes how large a file on this machine is, inside the transaction that says it was read to its end. */
export function noteSize(db: Database, file: string): void {
  const size = sizeOf(file);
  if (size !== undefined) setMeta(db, keyOf(file), String(size));
}

/** Tells of a file that was read to its end and is another now: it is not read again, which would else go unnoticed. */
export function tellIfChanged(db: Database, file: string): void {
  const before = getMeta(db, keyOf(file));
  const size = sizeOf(file);
  if (before !== undefined && size !== undefined && before !== String(size)) tellOfChange(file);
}

/** Says that an input changed, and how what is new in it comes into the set. */
export function tellOfChange(input: string): void {
  process.stderr.write(
    `${input} has changed since it was read and is not read again: to take in what is new, give it under another name (a link, or its path written otherwise); what is known already is recognised\n`,
  );
}

function keyOf(file: string): string {
  return `bytes of ${file}`;
}

function sizeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.size;
}
