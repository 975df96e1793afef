/** A picture that a page describes in data instead of markup, with addresses as written there. */
export interface Described {
  url: string;
  text: string;
  licence?: string;
}

/** So much JSON of a page is looked at. */
const MAX_JSON = 1_048_576;
const MAX_NODES = 20_000;

/** The ImageObjects of a JSON-LD block (schema.org), wherever they are nested; nothing when it is no JSON. */
export function imageObjects(json: string): Described[] {
  if (json.length > MAX_JSON || !json.includes("ImageObject")) return [];
  let root: unknown;
  try {
    // Many pages wrap the block in a comment or CDATA.
    root = JSON.parse(
      json.replace(/^\s*(?:<!--|\/\*\s*<!\[CDATA\[\s*\*\/|<!\[CDATA\[)|(?:-->|\/\*\s*\]\]>\s*\*\/|\]\]>)\s*$/g, ""),
    );
  } catch {
    return [];
  }
  const found: Described[] = [];
  // A stack of what is still to be looked at, since a recursion has the depth of a hostile page's nesting.
  const waiting: unknown[] = [root];
  for (let nodes = 0; waiting.length > 0 && nodes < MAX_NODES; nodes++) {
    const value = waiting.pop();
    if (typeof value !== "object" || value === null) continue;
    const described = imageObject(value as Record<string, unknown>);
    if (described) found.push(described);
    for (const child of Object.values(value).slice(0, MAX_NODES).reverse())
      if (typeof child === "object") waiting.push(child);
  }
  return found;
}

function imageObject(node: Record<string, unknown>): Described | undefined {
  const types = [node["@type"]].flat();
  if (!types.some((type) => typeof type === "string" && /(?:^|[:/])ImageObject$/.test(type))) return undefined;
  const url = textOf(node["contentUrl"]) ?? textOf(node["url"]);
  const text = textOf(node["caption"]) ?? textOf(node["description"]) ?? textOf(node["name"]);
  if (url === undefined || text === undefined) return undefined;
  const licence = textOf(node["license"]);
  return licence === undefined ? { url, text } : { url, text, licence };
}

/** The text of a property: itself, the first of several, or the address of an object. */
function textOf(value: unknown): string | undefined {
  const [first] = [value].flat();
  if (typeof first === "string") return first.trim() || undefined;
  if (typeof first !== "object" || first === null) return undefined;
  const { "@value": plain, "@id": id, url } = first as Record<string, unknown>;
  return [plain, id, url].find((one): one is string => typeof one === "string" && one !== "");
}

/** Pictures for previews (Open Graph, Twitter cards) that come with a text: image properties, each followed by its alt. */
export function previewImages(metas: Iterable<{ name: string; content: string }>): Described[] {
  const latest = new Map<string, string>();
  const found = new Map<string, Described>();
  for (const { name, content } of metas) {
    const [, card, part] = /^(og|twitter):image(?::(url|secure_url|src|alt))?$/i.exec(name.trim()) ?? [];
    if (card === undefined || content.trim() === "") continue;
    const url = latest.get(card);
    if (part?.toLowerCase() !== "alt") latest.set(card, content);
    else if (url !== undefined && !found.has(url)) found.set(url, { url, text: content });
  }
  return [...found.values()];
}
