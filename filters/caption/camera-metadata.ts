import { type CaptionRule, drop, KEEP } from "../rule.ts";
import { withoutEdges } from "./edges.ts";

/**
 * What cameras and programs write into a picture's ImageDescription, which publishing tools then show as alt text: maker
 * lines ("OLYMPUS DIGITAL CAMERA"), encoders, and the codes of phones ("dav", "oznor").
 */
const MAKER =
  /^(?:(?:konica )?minolta digital camera|(?:[a-z]+ )?(?:digital still ?camera|digital camera|still camera)(?: \d+)?|minolta dsc|pentax image|acd systems digital imaging|casio computer co\.?,? ?ltd\.?|nikon corporation.{0,20}|charset=\w+|(?:samsung|sony|kodak|nikon|canon|fujifilm|casio|pentax|polaroid|vivitar|benq|hp|lg|jenoptik|traveler|praktica|rollei|medion|aiptek|ricoh|sanyo|toshiba)(?: (?:csc|dsc|camera pictures|camera pics|digimax.*))|kodak [a-z]{2}\d+ .* digital camera|exif[_ ]?jpeg(?:[_ ](?:picture|t422|420|422))?|camera phone picture|picasa|applemark|default|lead technologies inc\.? ?v?[\d.]*|jpeg encoder.{0,40}|ascii|user comments?|mms[_ ]?img.{0,20}|qrf|created (?:with|by) (?:(?:the )?gimp|sketch|inkscape|potrace|figma|canva|nokia|rni films).{0,40}|(?:(?:photo|picture|image) )?(?:shot|taken|captured) (?:on|with|by|from) (?:an? |my )?(?:iphone|oneplus|mi|redmi|realme|oppo|vivo|lumia|samsung|galaxy|huawei|honor|pixel|xiaomi|poco|nokia)(?: (?:\w*\d\w*|mi|pro|max|plus|mini|note|ultra|edge|lite|se|xs|xr|x|galaxy|dual|triple|quad|ai|camera|selfie|phone))*|file written by adobe photoshop.{0,10}|processed (?:with|by)[: ].{0,40}|(?:made|edited|enhanced|shot|captured) (?:with|in|by) (?:vsco|snapseed|lightroom|photoshop|picsart|picasa|nokia|dji|instagram|gimp|aviary|polarr|camera\+|pixlr|repix).{0,40}|creator: gd-jpeg.{0,60}|cs-jpeg.{0,60}|dav_\w+|(?:dav|oznor|oznorhdr?|oznorwe|rhdr|rhdrpl|hdrpl|hdr|mde|cof|cofn?|fznor|vhdr|sdr|edf|rbt|ptr|nor|rpt|bty|btf|bst|btr|bsh|btm|gkn|dig|tpa|tps|ntr|ppl|pmn|pbn)(?:vidhdr|_soft|norma?|hdr)?)$/i;

/** One camera setting, or what names or separates settings. */
const SETTING = [
  String.raw`[fƒ]\s?[/:=]?\s?\d{1,2}(?:[.,]\d{1,2})?(?=[\s,;|)]|$)`,
  String.raw`1\s?/\s?\d{1,5}(?:[.,]\d)?\s?(?:s|sec|secs|seconds?|″|")?(?=[\s,;|)@.]|$)`,
  String.raw`\d{1,3}(?:[.,]\d{1,2})?\s?(?:s|sec|secs|seconds?)(?=[\s,;|)@]|$)`,
  String.raw`iso[\s:=-]{0,3}\d{2,6}`,
  String.raw`\d{1,4}(?:[.,]\d)?\s?(?:-\s?\d{1,4}(?:[.,]\d)?\s?)?mm(?=[\s,;|)]|$)`,
  String.raw`[+-]?\d(?:[./]\d{1,2})?\s?ev\b`,
].join("|");
const SETTINGS = new RegExp(`(?<![\\w/])(?:${SETTING})`, "gi");

/** Words that stand between settings and say nothing by themselves. */
const AROUND =
  /\b(?:exif|iptc|metadata|camera|make|model|lens|aperture|av|tv|f-?stop|f-?number|shutter(?: ?speed)?|speed|exposure(?: ?(?:time|bias|mode|program|compensation))?|bias|focal ?length|length|focal|focus|iso ?speed(?: ratings?)?|iso|ratings?|flash|fired|did not fire|not fired|no flash|off|on|yes|no|auto(?:matic)?|manual|normal|priority|program|metering(?: mode)?|pattern|matrix|multi-?segment|spot|center-?weighted(?: average)?|white ?balance|wb|color ?space|srgb|adobe ?rgb|orientation|top-left|horizontal|resolution|dpi|ppi|x|software|date(?: ?time)?(?: ?original)?|taken|shot|at|with|and|using|settings?|tripod|handheld|hand held|sec(?:ond)?s?|canon|nikon|sony|olympus|panasonic|lumix|pentax|fuji(?:film)?|leica|sigma|tamron|tokina|samsung|apple|iphone|eos|powershot|coolpix|cyber-?shot|ilce|dsc|corporation|corp|imaging|company|ltd|co|mark|mk|ii|iii|iv|rebel|alpha|ef|ef-s|usm|is|l|vr|ed|dx|fx|oss|di|hsm|dg|vc|apo|pro|max|plus|mm|f|raw|jpe?g|hdr)\b/gi;

/** "f/2.8 1/250s ISO 400": settings with nothing that describes the picture. "Sunset over Rome, f/8, ISO 100" stays. */
export const cameraMetadata: CaptionRule = {
  name: "camera_metadata",
  help: "camera settings, or a text written by the camera itself",
  check(caption) {
    const bare = withoutEdges(caption);
    if (MAKER.test(bare)) return drop(bare.slice(0, 40));
    // Each setting has a number of its own, and two it takes.
    if (!/\d\D+\d/.test(caption)) return KEEP;
    const found = caption.match(SETTINGS) ?? [];
    const settings = found.length;
    // A lone setting is a product as often as not: "85mm", "ISO 9001", "50 mm bolt"; so is a lens: "24-70mm f/2.8".
    if (settings < 2 || found.every((setting) => /mm$|^[fƒ]/i.test(setting))) return KEEP;
    const rest =
      caption
        .replace(SETTINGS, " ")
        .replace(AROUND, " ")
        .match(/\p{L}{3,}/gu) ?? [];
    return rest.length <= Math.min(2, settings - 1) ? drop(`${settings} settings`) : KEEP;
  },
};
