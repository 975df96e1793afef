import { anyOf, type CaptionRule, drop, KEEP } from "../rule.ts";

/** Patterns that match without any of the characters {@link RARE}. */
const BARE = {
  code: /\bdocument\.\w+|[\w$]\([^()]*\)\s*;\s*$/,
  // Lengths and displays as nobody else writes them.
  style:
    /\b(?:width|height|margin|padding|top|left|(?:font|line|border)-[a-z-]+)\s*:\s*-?\d+(?:\.\d+)?(?:px|r?em|v[hw])\b|\bdisplay\s*:\s*(?:none|block|inline|flex)|^[a-z-]+\s*:\s*#?\w+;$/,
  script: /^javascript:|\b(?:console|window|localStorage)\.\w+\s*\(|^(?:__?|\$?t|i18n)\(\s*["']/,
  key: /^[a-z]{2,}(?:[_-][a-z]+)*(?:\.[a-z]{2,}(?:[_-][a-z]+)*){2,}$/,
  joined: /^['"]\s*\+\s*[\w.$]+\s*\+\s*['"]$/,
  address: /^data:[\w/+.-]+[;,]/i,
};
/** Each says what it is, for `explain`. */
const PATTERNS: readonly (readonly [string, RegExp])[] = [
  [
    "tag",
    /<\/?(?:[a-z][a-z0-9-]*(?:\s[^<>]*)?|!--.*?--)\/?>|<(?:!--|\?php\b|\?=)|<(?:img|a|div|span|p|iframe|script)\s/i,
  ],
  ["shortcode", /\[\/?(?:caption|gallery|img|url|embed|vc_|et_pb_|fusion_|attachment)\b[^\]]*\]/i],
  [
    "template",
    /^\[object \w+\]$|^%[sd]$|\{\d\}|\{\{.*?\}\}|\{%.*?%\}|\$\{\w+[^}]*\}|<%.*?%>|^\[\[.*\]\]$|^%[\w-]+%$|\{[a-z_]+\.[a-z_.]+\}/i,
  ],
  [
    "code",
    /\bfunction\s*\w*\([\w\s,]*\)\s*\{|=>\s*\{|(?:^|[;{])\s*(?:var|let|const)\s+\w+\s*=|^\s*\{\s*"[^"]+"\s*:|;\s*\}/,
  ],
  ["code", BARE.code],
  // "![dog](dog.jpg)"
  ["markdown", /!\[[^\]]*\](?:\(|\[)|\[[^\]]+\]\((?:https?:|\/|\.|#|[^)\s]+\.\w+\))/],
  ["style sheet", /[\w.#*-]\s*\{\s*[a-z-]+\s*:[^{}]*\}/],
  ["style sheet", BARE.style],
  ["attribute", /\b(?:alt|src|style|class|href|on(?:error|click|load))\s*=\s*(?:["']|\S+[.(])/],
  ["script", /\b(?:console|window|localStorage)\.\w+\s*=/],
  ["script", BARE.script],
  ["key", BARE.key],
  ["data address", BARE.address],
  // "'+title+'": what a page's script would write.
  ["script", BARE.joined],
];
/** Few captions have one; all other patterns match one. */
const RARE = /[<[{}%=]/;

/** Words that are an address each: with a scheme, www., or a path from the root, to a file, or through a site's usual folders. */
const ADDRESS =
  /^[(<"]*(?:(?:https?|ftp|file):\/\/\S*|mailto:\S+|[a-z]:\\\S+|www\.\S+|[\w.-]+@[\w-]+\.[\w.-]+|\S*\/\S+\.(?:[a-z]{3,4}|webp)(?:[?#]\S*)?|\/\S+\/\S*|(?:\S+\/)?(?:wp-content|uploads?|images?|img|assets|static|media|files)\/\S*|(?:[\w-]+\.)+(?:com|net|org|info|co\.uk)(?:\/\S*)?)[)>",.]*$/i;

const ANY = anyOf(PATTERNS.map(([, pattern]) => pattern));
const ANY_BARE = anyOf(Object.values(BARE));

/** HTML, templates, code, or nothing but addresses. */
export const markup: CaptionRule = {
  name: "markup",
  help: "markup, code, or nothing but an address",
  check(caption) {
    // One look tells most captions: no pattern matches without one of these characters.
    if (!/[<[{%@/.=;:(\\+]/.test(caption)) return KEEP;
    if ((RARE.test(caption) ? ANY : ANY_BARE).test(caption))
      for (const [what, pattern] of PATTERNS) if (pattern.test(caption)) return drop(what);
    return isAddresses(caption) ? drop("address") : KEEP;
  },
};

function isAddresses(caption: string): boolean {
  const end = caption.indexOf(" ");
  // Nearly always the first word is none.
  if (end >= 0 && !ADDRESS.test(caption.slice(0, end))) return false;
  return caption.split(" ").every((word) => ADDRESS.test(word));
}
