import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bzip2Chunks } from "../../queries/blocks.ts";
import { findPython } from "../../store/python.ts";

/** A file of test/fixtures/wikipedia/; its README tells the origin. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/wikipedia/${name}`, import.meta.url));
}

/** 206 pages of English Wikipedia, packed and plain. */
export const SAMPLE = fixture("enwiki-sample.xml.bz2");

/** The text of a bzip2 file; damage fails the test. */
export function unpack(file: string): Buffer {
  const pieces: Buffer[] = [];
  const fail = ({ reason }: { reason: string }) => assert.fail(reason);
  for (const chunk of bzip2Chunks(file, 0, readFileSync(file).length, fail))
    if (chunk) pieces.push(Buffer.from(chunk.text));
  return Buffer.concat(pieces);
}

/** Makes a WordNet of three synsets in a folder: reading the whole one costs a second a run. */
export function tinyWordNet(parent: string): string {
  const folder = join(parent, "wordnet");
  mkdirSync(folder, { recursive: true });
  const nouns = [
    "00000001 15 n 01 Hong_Kong 0 000 @ | a city",
    "00000002 05 n 02 aardvark 0 ant_bear 0 000 @ | an animal",
  ];
  writeFileSync(join(folder, "data.noun"), `  1 licence\n${nouns.join("\n")}\n`);
  writeFileSync(join(folder, "data.adj"), "00000001 00 s 01 afraid(p) 0 000 | scared\n");
  for (const part of ["verb", "adv"]) writeFileSync(join(folder, `data.${part}`), "");
  return folder;
}

let python: string | undefined;

/** Packs with the reference implementation, by way of Python: blocks of `level` times 100,000 bytes. */
export function bzip2(bytes: Uint8Array, level = 9): Buffer {
  const code = `import bz2, sys; sys.stdout.buffer.write(bz2.compress(sys.stdin.buffer.read(), ${level}))`;
  python ??= findPython();
  const { status, stdout, stderr } = spawnSync(python, ["-c", code], { input: bytes, maxBuffer: 1 << 30 });
  if (status !== 0) throw new Error(String(stderr));
  return stdout;
}

/** A multistream dump like Wikimedia's: the head, then so many pages a stream, then the end. */
export function multistream(xml: Buffer, pagesAStream: number): Buffer {
  const first = xml.indexOf("  <page>");
  const last = xml.lastIndexOf("</page>\n") + "</page>\n".length;
  const pages = xml
    .subarray(first, last)
    .toString("latin1")
    .split(/(?<=<\/page>\n)/);
  const streams = [bzip2(xml.subarray(0, first))];
  for (let i = 0; i < pages.length; i += pagesAStream)
    streams.push(bzip2(Buffer.from(pages.slice(i, i + pagesAStream).join(""), "latin1")));
  streams.push(bzip2(xml.subarray(last)));
  return Buffer.concat(streams);
}
