import { type CaptionRule, drop, KEEP } from "../rule.ts";

/** Each says what it is, for `explain`. */
const PATTERNS: readonly (readonly [string, RegExp])[] = [
  ["tag", /<\/?(?:[a-z][a-z0-9-]*(?:\s[^<>]*)?|!--.*?--)\/?>|<(?:img|a|div|span|p|iframe|script)\s/i],
  ["shortcode", /\[\/?(?:caption|gallery|img|url|embed|vc_|et_pb_|fusion_|attachment)\b[^\]]*\]/i],
  ["template", /\{\{.*?\}\}|\{%.*?%\}|\$\{\w+[^}]*\}|<%.*?%>|^\[\[.*\]\]$|^%[\w-]+%$|\{[a-z_]+\.[a-z_.]+\}/i],
  [
    "code",
    /\bfunction\s*\w*\(|=>\s*\{|\b(?:var|let|const)\s+\w+\s*=|^\s*\{\s*"[^"]+"\s*:|;\s*\}|\)\s*;\s*$|\bdocument\.\w+/,
  ],
  ["data address", /^data:[\w/+.-]+[;,]/i],
];

/** Words that are an address each: with a scheme, www., or a path of folders that ends in a file. */
const ADDRESS =
  /^[(<"]*(?:(?:https?|ftp|file):\/\/\S+|www\.\S+|[\w.-]+@[\w-]+\.[\w.-]+|\S*\/\S+\.(?:[a-z]{3,4}|webp)(?:[?#]\S*)?|\/?(?:\S+\/){2,}\S*|(?:[\w-]+\.)+(?:com|net|org|info|co\.uk)(?:\/\S*)?)[)>",.]*$/i;

/** HTML, templates, code, or nothing but addresses. */
export const markup: CaptionRule = {
  name: "markup",
  help: "markup, code, or nothing but an address",
  check(caption) {
    // One look tells most captions: no pattern matches without one of these characters.
    if (!/[<[{%@/.=;:]/.test(caption)) return KEEP;
    for (const [what, pattern] of PATTERNS) if (pattern.test(caption)) return drop(what);
    return caption.split(" ").every((word) => ADDRESS.test(word)) ? drop("address") : KEEP;
  },
};
