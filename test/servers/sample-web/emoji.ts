import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

/** One drawing of a set, with what Unicode calls the thing in it. */
export interface Drawing {
  /** The file name, without its ending. */
  slug: string;
  character: string;
  svg: string;
  name: string;
  keywords: string[];
}

/** A locale whose names stand beside some drawings. */
export interface ForeignName {
  locale: string;
  name: string;
  keywords: string[];
}

interface IconSet {
  icons: Record<string, { body: string; width?: number; height?: number }>;
  width?: number;
  height?: number;
}

interface Annotations {
  annotations: { annotations: Record<string, { default?: string[]; tts?: string[] }> };
}

const require = createRequire(import.meta.url);

function read<T>(file: string): T {
  return JSON.parse(readFileSync(require.resolve(file), "utf8"));
}

function annotations(locale: string): Record<string, { default?: string[]; tts?: string[] }> {
  return read<Annotations>(`cldr-annotations-full/annotations/${locale}/annotations.json`).annotations.annotations;
}

/** Of one set, the drawings that Unicode has an English name for, in code point order. */
export function loadDrawings(set: string): Drawing[] {
  const { icons, width = 16, height = 16 } = read<IconSet>(`@iconify-json/${set}/icons.json`);
  const own = read<Record<string, string>>(`@iconify-json/${set}/chars.json`);
  // emojione's package does not say which drawing is which character; the sets name them alike.
  const characters = Object.keys(own).length > 0 ? own : read<Record<string, string>>("@iconify-json/noto/chars.json");
  const english = annotations("en");
  const drawings: Drawing[] = [];
  const bodies = new Set<string>();
  for (const [codes, slug] of Object.entries(characters).sort()) {
    // CLDR leaves out the mark that asks for the coloured form.
    const character = String.fromCodePoint(...codes.split("-").map((code) => Number.parseInt(code, 16))).replaceAll(
      "\ufe0f",
      "",
    );
    const words = english[character];
    const icon = icons[slug];
    const name = words?.tts?.[0];
    // Letters and number words of one character say too little to be a caption ("A", "keycap: 1").
    // Some sets draw two characters alike; the sample web's duplicates are its own.
    if (!icon || !name || bodies.has(icon.body) || !/^[a-z][a-z' -]{4,40}$/i.test(name)) continue;
    bodies.add(icon.body);
    const viewBox = `0 0 ${icon.width ?? width} ${icon.height ?? height}`;
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="${viewBox}">${icon.body}</svg>`;
    drawings.push({ slug, character, svg, name, keywords: (words?.default ?? []).filter((word) => word !== name) });
  }
  return drawings;
}

/** What a character is called in another locale; undefined where that has no words for it. */
export function foreignNames(locale: string): (character: string) => ForeignName | undefined {
  const words = annotations(locale);
  return (character) => {
    const entry = words[character];
    const name = entry?.tts?.[0];
    return name === undefined
      ? undefined
      : { locale, name, keywords: (entry?.default ?? []).filter((word) => word !== name) };
  };
}
