import { anyOf, type CaptionRule, drop, KEEP } from "../rule.ts";
import { withoutEdges } from "./edges.ts";

/**
 * Whole captions, lower-cased and without punctuation around them, that programs and templates leave behind. Single words
 * that name a pictogram ("arrow", "home", "search") are not here: beside that pictogram they are captions.
 */
const PLACEHOLDERS = new Set(
  [
    "alt|alt text|alt tag|alt image|alt attribute|alternative text|alternate text|image alt|image alt text|img alt|add alt text",
    "undefined|null|none|nil|nan|n/a|object object|tbd|todo|test|test image|dummy|dummy image|blank image|default image",
    "image|images|img|photo|photos|pic|pics|picture|pictures|thumbnail|thumbnails|placeholder|placeholder image|image placeholder",
    "spacer|tracking pixel|loading image|ajax loader|no image|no photo|no picture|no image available|no photo available",
    "no picture available|image not available|photo not available|image not found|image coming soon|photo coming soon",
    "picture coming soon|missing image|image unavailable|broken image|product|product image|product photo|product picture",
    "product thumbnail|photo of product|image of product|picture of product|main product image|product main image|item image",
    "featured image|post image|post thumbnail|blog image|blog post image|article image|news image|story image|header image",
    "hero image|cover image|background image|slider image|slide image|gallery image|banner image|page image|main image",
    "no alt text|attach img|default alt|default alt text|image loading|image removed|this image has been removed|image is not available|photo unavailable|related image|view image|view full image|open image modal|quick view",
    "next|next slide|next image|previous slide|previous image|all rights reserved|video thumbnail|advertise here|your ad here|accept cookies",
    "image of|photo of|picture of|image description|image caption|photo caption|caption|image title|description of image",
    "profile image|profile photo|profile picture|profile pic|user image|user avatar|author image|author avatar|author photo|gravatar",
    "click|click here|click me|click to enlarge|click to zoom|click to view|click to expand|enlarge|enlarge image|zoom in|tap to zoom",
    "view larger|view larger image|view full size|full size|roll over image to zoom in|open image in new window|open in new window",
    "open in a new tab|opens in new window|download image|share this|share on facebook|share on twitter|share on linkedin",
    "share on pinterest|pin it|tweet this|follow us|follow us on facebook|follow us on twitter|follow us on instagram",
    "like us on facebook|email this|read more|learn more|more info|see more|show more|view more|view details|buy now|add to cart",
    "shop now|log in|toggle menu|toggle navigation|previous|prev|back to top|play video|skip to content|advertisement|advert",
    "sponsored|banner ad|untitled|untitled document|no title|title|description|your browser does not support the video tag",
  ]
    .join("|")
    .split("|"),
);

/** Longer boilerplate with something variable in it, from a caption's first letter on: so one look tells those that have none. */
const PATTERNS: readonly RegExp[] = [
  /^click (?:here |on (?:the |this )?(?:image|photo|picture|thumbnail)s? |(?:the |this )?(?:image|photo|picture|thumbnail)s? )?(?:to|for) (?:a |an |the |see |view |get |open )*(?:enlarge|larger|bigger|full|zoom|high|download|visit|more)\b.{0,40}$/i,
  // What forums and SPIP write for a picture that nobody described: "... Name: a.jpg Views: 50 Size: 237.9 KB", "JPEG - 172.1 ko".
  /^click image for larger version\b/i,
  /^(?:jpe?g|png|gif|webp|pdf|mp[34]|zip|word|excel) - [\d.,]+ [kmg]?i?[bo]$/i,
  /^#htmlcaption\d*$/,
  /^(?:image|photo|picture) may contain\b/i,
  /^(?:may be|might be) an? (?:image|illustration|meme|cartoon|graphic|closeup|doodle|anime)\b/i,
  /^no (?:photo|image|alt|alternative) (?:text |description )?(?:description |provided |available )?(?:for this image|available|provided)/i,
  /^(?:undefined|null|nan)(?:[\s,|/-]+(?:undefined|null|nan))+$/i,
  /^(?:(?:image|photo|picture|img|figure|slide|page|item|product|thumbnail|gallery) ?#?)?\d+ (?:of|\/) ?\d+$/i,
  /^(?:loading|please wait)(?:,? (?:image|photo|picture|content|page|more|please wait|spinner|gif|icon))*[\s.…]*$/i,
  /^(?:lorem ipsum|dolor sit amet)\b/i,
  /^(?:enter|insert|add|type|write|your|put) (?:your |an? |the )?(?:image |alt |alternative |photo |caption )+(?:text|description|caption|title|here|alt)\b.{0,20}$/i,
  /^(?:visit|go to|back to|return to) (?:the |our )?(?:home ?page|website|site)$/i,
  /^powered by\b.{0,30}$/i,
  /^no (?:image |photo )?description(?: available)?\.?$/i,
  /^skip to (?:the )?(?:main )?(?:content|navigation)$/i,
  /^share (?:this )?(?:on|via|with) \w+$/i,
  /^(?:rated )?\d(?:\.\d+)? (?:out )?of 5(?: stars?)?$/i,
  // Whose it is, not what it is.
  /^(?:(?:image|photo|picture) (?:credits?|source|copyright)\s?[:,]|(?:credits?|source|copyright)\s?:).{1,40}$/i,
  /^\(?(?:photo|image|picture)s?(?::| by| via| courtesy of)\b.{0,40}?(?:getty images|reuters|shutterstock|istock|alamy|associated press)\)?$/i,
  /^(?:copyright )?(?:©|\(c\)|copyright)\s*(?:by\s|\d{4})[^.:!]{0,30}\.?$/i,
];

const ANY = anyOf(PATTERNS);

/** Appended by programs to other texts, and words without which neither is there. */
const APPENDED =
  /\bthis image has an empty alt attribute\b|\bdescription (?:automatically )?generated(?: with \w+(?: \w+)? confidence)?\.?$/i;
const EMPTY_ALT = "empty alt";
const GENERATED = "generated";

/** The longest placeholder is half as long. */
const LONGEST = 80;

/** Placeholders and instructions that say nothing of the picture. */
export const boilerplate: CaptionRule = {
  name: "boilerplate",
  help: "a placeholder or an instruction",
  check(caption) {
    const text = caption.toLowerCase();
    const found =
      (caption.length < LONGEST && PLACEHOLDERS.has(plain(text))) ||
      ANY.test(caption) ||
      ((text.includes(GENERATED) || text.includes(EMPTY_ALT)) && APPENDED.test(caption));
    return found ? drop(text.slice(0, 40)) : KEEP;
  },
};

/** Without punctuation around it, brackets, joining dashes and an article: "[the-image]" is "image". */
function plain(lowerCased: string): string {
  const text = withoutEdges(lowerCased);
  const words = /[[\](){}"_-]/.test(text) ? text.replace(/\s*[[\](){}"]\s*|[-_]+/g, " ") : text;
  return words.replace(/^(?:an?|the) /, "").trim();
}
