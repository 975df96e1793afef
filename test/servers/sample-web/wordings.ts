import type { Drawing, ForeignName } from "./emoji.ts";

/** How English pages word what Unicode calls `name`. */
const EMOJI: readonly ((name: string, keywords: string) => string)[] = [
  (name) => `A drawing of a thing called ${name}`,
  (name, keywords) => `Emoji picture of ${name}, also known as ${keywords}`,
  (name, keywords) => `${capital(name)}: a small picture for ${keywords}`,
  (name) => capital(name),
  (name, keywords) => `Icon with the meaning “${name}” & ${keywords}`,
  (name) => `The ${name} symbol as this artist drew it`,
  (name, keywords) => `${capital(name)} – ${keywords}`,
];

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The caption of the `number`th picture of a site. */
export function englishCaption({ name, keywords }: Drawing, number: number): string {
  const wording = EMOJI[number % EMOJI.length];
  return wording ? wording(name, keywords.slice(0, 3).join(", ") || name) : name;
}

/** A caption in another language: the name and keywords Unicode has there. */
export function foreignCaption({ name, keywords }: ForeignName): string {
  return `${name}, ${keywords.slice(0, 4).join(", ")}`;
}

/** How the handwriting site words a pair of digits; the task's templates are the same. */
export const HANDWRITING = [
  "a handwritten {c}",
  "handwritten digits: {c}",
  "a photo of {c} written by hand",
  "the numbers {c} in pencil on paper",
  "scan of {c}, two digits from a form",
] as const;

/** What two digits are called, left to right. */
export function pairName(left: string, right: string): string {
  return `${left} beside ${right}`;
}

/** Names that cameras, phones and programs give, as pages show them. */
export const AUTO_NAMES = [
  "DSC_0123.JPG",
  "IMG_20160716_113957",
  "20160716_113957.JPG",
  "P1010001 (2)",
  "Screenshot 2019-03-04 at 10.22.01",
  "WhatsApp Image 2020-04-23 at 10.14.38 PM",
  "image001",
  "DSCN4711.jpg",
  "IMG-20190402-WA0007",
  "b1946ac92492d2347c6235b4d2611184",
  "PXL_20210424_185951005",
  "Screen Shot 2021-09-14 at 3.35.30 PM",
] as const;

/** What cameras write into pictures and WordPress shows as alt text. */
export const CAMERA_TEXTS = [
  "OLYMPUS DIGITAL CAMERA",
  "f/2.8 1/250s ISO 400",
  "SONY DSC",
  "SAMSUNG CAMERA PICTURES",
  "KONICA MINOLTA DIGITAL CAMERA",
] as const;
