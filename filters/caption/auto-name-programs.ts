import { plain } from "./auto-name-words.ts";

/** Names that programs give, as they are or with a counter, in the languages of their users. */

/** Before what was copied: "Copy of Untitled", "Kopie (2) von DSC01234". */
const COPY_OF = /^(?:(?:copy|kopie|kopia|copie|copia|kopi)(?: \(\d+\))? (?:of|von|van|av|af|de|di) )+(?=\S)/i;

/** @returns what was copied. */
export function withoutCopyOf(stem: string): string {
  return stem.replace(COPY_OF, "");
}

/** A document that has no name yet. */
const UNTITLED = [
  "untitled|unnamed|no name|noname|untitled design|untitled presentation|untitled document|untitled project|untitled diagram",
  "untitled drawing|untitled artwork|untitled notebook|untitled video|untitled image|untitled form|untitled map|untitled page",
  "untitledpresentation|untitleddocument|untitledproject|untitleddiagram|untitleddrawing|untitledimage|untitled panorama|untitled 1 recovered|untitled diagram page|untitled diagram.drawio",
  "unbenannt|ohne titel|design ohne titel|unbenanntes dokument|unbenanntes diagramm|unbenanntes projekt",
  "sans titre|design sans titre|conception sans titre|document sans titre|illustration sans titre|diagramme sans nom",
  "sin título|diseño sin título|documento sin título|diagrama sin título|ilustración sin título|presentación sin título",
  "sem título|design sem nome|documento sem título|apresentação sem título|diagrama sem nome|diagrama em branco",
  "senza titolo|design senza titolo|progetto senza titolo|documento senza titolo|diagramma senza titolo",
  "naamloos|naamloos ontwerp|naamloos document|namnlös|ikke navngivet|uten navn|uden navn|nimetön|névtelen|fără titlu|χωρίς τίτλο",
  "bez nazwy|bez tytułu|projekt bez nazwy|dokument bez tytułu|bez názvu|nepojmenovaný|adsiz|adsız|adsız tasarım|başlıksız",
  "без названия|без имени|без имени.drawio|безымянный|дизайн без названия|документ без названия|без назви",
  "tanpa judul|desain tanpa judul|dokumen tanpa judul|chưa có tên|thiết kế chưa có tên|ไม่มีชื่อ|بدون عنوان|ללא שם|ללא כותרת",
  "無題|無題のデザイン|無題のドキュメント|名称未設定|名称未設定のデザイン|제목 없음|제목 없는 디자인|제목 없는 문서",
  "未命名|未标题|未標題|無標題|未命名的设计|未命名設計|未命名绘图|未命名绘图.drawio|未命名文件|未命名表单",
];

/** What Windows calls a new picture. */
const NEW_PICTURE = [
  "new bitmap image|neues bitmap|neue bitmap|nouvelle image bitmap|nueva imagen de mapa de bits|nuevo imagen de mapa de bits",
  "nuova immagine bitmap|nova imagem de bitmap|новый точечный рисунок|nieuwe bitmapafbeelding|nowy obraz mapa bitowa",
  "yeni bit eşlem resmi|新建位图图像|新建 bmp 图像|新規ビットマップ イメージ|새 비트맵 이미지|blank diagram",
];

/** A picture of the screen, where two words say it, and what else programs save, share and paste. */
const SAVED = [
  "captura de tela|captura de ecrã|ekran alıntısı|ekran görüntüsü|ekran resmi|snímka obrazovky|snímek obrazovky",
  "snimka zaslona|posnetek zaslona|екранна снимка|στιγμιότυπο οθόνης|στιγμιότυπο|ảnh chụp màn hình|ảnh màn hình|螢幕擷取畫面",
  "צילום מסך|لقطة شاشة|स्क्रीनशॉट|ภาพหน้าจอ|ภาพถ่ายหน้าจอ|screenshot|shared screenshot|sharedscreenshot|zalo last screenshot",
  "image from ios|image from gyazo|image de ios|imagen de ios|immagine da ios|bild från ios|bild von ios|microsoftteams image|channels4 profile",
  "fullsizerender|renderedimage|viber image|clipboard image|image asset|pasted graphic|pasted image|pasted movie",
  "maxresdefault|hqdefault|codecogseqn|oip|epson mfp image|scanned from a xerox multifunction printer",
  "scanned from a xerox multifunction device|plot zoom|plot zoom png|bokeh plot|ray so export|image fx|mask group",
  "picmonkey collage|picmonkey image|befunky collage|befunky artwork|removebg preview|image removebg preview|pixlr bg result",
  "youcam perfect photo editor|linecamera shareimage|envato labs image edit|stažený soubor|tải xuống|αρχείο λήψης",
];

/** What is a name of this kind only with a counter: "Artboard 1", "Inline image 1". */
const COUNTED = [
  "unspecified|artboard|asset|zeichenfläche|plan de travail|mesa de trabajo|tavola disegno|prancheta|tekengebied|obszar roboczy",
  "монтажная область|アートボード|画板|工作區域|工作区域|대지|rityta|rectangle|ellipse",
  "inline image|inline images|inline bild|image en ligne|imágenes integradas|imágenes alineadas|immagine in linea|imagem inline",
  "bild im text|billede indsat i teksten|встроенное изображение|内嵌图片|內置圖片|埋め込み画像|인라인 이미지|satır içi resim",
  "inline afbeelding|obraz w treści|live photo|trang chiếu|hp scan|genius scan",
  "scanned document|scanned documents|gescanntes dokument|documento escaneado|document numérisé|documento scansionato",
  "documento digitalizado|gescand document|zeskanowany dokument|отсканированный документ",
  "novo documento|nuevo doc|nuevo documento|nouveau document|neues dokument|dokumen baru|новый документ|tài liệu mới|新文档",
  "ladda ned|изтеглен файл|plot of chunk unnamed chunk|unnamed chunk",
];

const split = (rows: readonly string[]) => new Set(plain(rows.join("|")).split("|"));
const WHOLE = split([...UNTITLED, ...NEW_PICTURE, ...SAVED]);
const WITH_COUNTER = split(COUNTED);
const LONGEST = Math.max(...[...WHOLE, ...WITH_COUNTER].map((name) => name.length));

/** One or two numbers: "Untitled 12", "untitled-1 (2)", "Mesa de trabajo 1-100", "screenshot@2x". */
const COUNTERS = /(?:[\s_-]*(?:\d{1,9}|\(\d{0,9}\))){0,2}(?:@\dx)?$/;
/** Where there is none, a search for it would go through the whole caption. */
const MAYBE_COUNTED = /[\d)]$|@\dx$/;

/** What Office counts with the number directly behind, "Drawing1", where people write "drawing-1" or "drawing1". */
const OFFICE = plain(
  "Doc|Document|Dokument|Documento|Presentation|Presentación|Présentation|Präsentation|Presentazione|Apresentação|Презентация|" +
    "Prezentacja|Prezentace|Presentatie|Sunu|Chart|Diagramm|Graphique|Gráfico|Grafico|Диаграмма|Drawing|Zeichnung|Dessin|Dibujo|" +
    "Disegno|Desenho|Чертеж|Tekening|Rysunek",
);

/** Those with more than a counter in them, small letters and capitals alike. */
const FORMS = [
  "(?:group|frame|vector|union|layer)[\\s_-]*(?:\\d{3,}|\\d*[\\s_-]*\\(\\d+\\))",
  "(?:download|index|file|images|th|designer|carbon) ?\\(\\d+\\)",
  "(?:new project|nouveau projet|neues projekt)(?: ?\\(\\d+\\))?",
  "snaghtml[\\da-f]+|(?:fullsizeoutput|unadjustednonraw(?:_\\w+)?)_[\\da-f]+|epson\\d{3}|s[-_ ]l\\d{2,4}(?: ?\\(\\d+\\))?",
  "telegram[-_ ]cloud[-_ ]photo[-_ ]size[-_ \\d]+\\w|line_(?:album|oa_chat)_\\d{6,}[_\\d]*|(?:background_eraser|ar_emoji)_\\d{8}.*",
  "gemini[ _-]generated[ _-]image.{0,20}|chatgpt image .*\\d.*|oig\\d?(?:\\.[\\w-]+)?(?: \\(\\d+\\))?",
  "(?:xyz_)?grid-\\d{4}(?:-\\d+)?|grid_0|comfyui_temp_[a-z]{5}_\\d+_?|mermaid-diagram-[\\d-]{8,}",
  "(?:microsoft word|microsoft powerpoint) - .{0,40}|adobe scan (?=.*\\d).{4,25}|[\\d_., ]{8,25}(?: ?[ap]m)? (?:office|microsoft) lens",
  "(?:\\d+-)?ezgif\\b.{0,30}|__results___[\\d_]+|open-uri\\d{8}.*|rectangle_large_type_2_[\\da-f]+|(?:maxres|hq|mq|sd)[123]|hq720",
  "scr-\\d{8}-[a-z]{4}(?:-\\d+)?|snagit_ppt[\\da-f]+|\\d+_\\w+_img_\\d\\d_\\d{4}|free-photo-of-\\d+|can-stock-photo_csp\\d+",
  "il_(?:\\d+x(?:n|\\d+)|fullxfull)\\.\\d+_\\w+|(?:000_[a-z]{3}|par|was|hkg|nic|del)\\d{7}",
  "(?:slider|prod)[-_]?\\d{1,2}|cq5dam\\..*|wps[\\da-f]{4}\\.tmp",
  "eos[_ ]\\w{2,4}20\\d\\d_\\d\\d_\\d{6}|demo[-_]image[-_ ]?\\d{1,2}|im-\\d{5,}|merlin_\\d{6,}[_ ].*|[\\w.]{1,30}_\\d{7,10}_\\d{10,17}_\\d{5,}_[no]",
  // Of servers: Flickr, SoundCloud, Reddit, Xinhua, Gfycat's three words, Nikkei's.
  "\\d{8,11}_[\\da-f]{10}(?:_[a-z]){0,2}(?:_\\d)?|(?:artworks|avatars)-\\w{12}-\\w{6}-\\w+|avatar_default_\\d\\d_[\\da-f]{6}",
  "\\d{10}_\\d{13}_title\\d\\w|[a-z]{10,}-size_restricted|9{8} -dsx[\\w-]+",
  // Of El País, the BBC, Tencent (a word and microseconds).
  "\\d{10}_\\d{6}_\\d{10}_[a-z]+_normal|1\\d{11}_\\d_\\d+x\\d+__nocredit|[a-z]{2,8}1\\d{14}",
  // Of Adobe's content server (a part of a page and a moment), Kyunghyang, Computec, SPIP's menus, Greenpeace, scripts in an address.
  "\\w+\\.img[a-z]*\\d*\\.20\\d{6}t\\d{6,}|\\w+-p\\.v\\d\\.20\\d{6}\\. 9{8} _p\\d|\\d+x\\d+_de-[a-z]+_b\\dteaser_\\d+",
  "\\d+x\\d+mauto\\w*|siteo(?:n|ff)\\d+-[\\da-f]{5}|gp0st\\w{3,5}|\\w+\\.php,.*|@@\\w+@@\\w{1,4}|blog-thumb\\d+|cid_.*@.*|opt\\.\\d+w-[\\da-f]{16}",
  // "Photo on 4-12-10 at 10.33 AM", to the minute.
  "(?:photo|foto) (?:\\p{L}+ )?\\d{1,2}[-. ]\\d{1,2}[-. ]\\d{2,4},? (?:\\p{L}+(?: la\\(s\\))? )?\\d{1,2}[.:]\\d\\d.{0,6}",
  // With the page's title or address behind: of browsers and their add-ons.
  "screencapture-.*\\d{4}-\\d\\d-\\d\\d.*|screencapture-.*\\d{13}|fireshot (?:screen )?capture #?\\d.*",
  "opera \\p{L}+_\\d{4}-\\d\\d-\\d\\d_\\d{6}_.*|(?:web capture|capture web|captura web|webaufnahme)_\\d+-\\d+-\\d{4}_\\d{6}_.*",
  "applicationframehost_.*\\d.*|linecamera_share_.*\\d.*|worddav[\\da-f]{24,}|worddav 99999999 ?",
];
const FORM = new RegExp(`^(?:${FORMS.join("|")})(?:@\\dx)?$`, "iu");
const OFFICE_FORM = new RegExp(`^(?:${OFFICE})\\d{1,3}$`, "u");
/** ShareX: the program that was in front, and ten letters and digits by chance. */
const SHAREX =
  /^(?:chrome|firefox|explorer|Code|mspaint|ShareX|msedge|devenv|opera|brave|rundll32|VirtualBoxVM)_(?=\w*\d|(?:\w*[a-z][A-Z]){2})[A-Za-z\d]{10}$/;
/** Those of the forms that have no digit. */
const PLAIN_FORM = /^(?:microsoft (?:word|powerpoint) - .{0,40}|ezgif\b.{0,30})$/i;

/** How those without digits begin, so that nearly all captions are told by three letters. */
const STARTS = new Set([...[...WHOLE].map((name) => name.slice(0, 3)), "no_", "no-", "cop", "kop", "mic", "ezg"]);

/** In small letters, words parted by one space. */
function toKey(text: string): string {
  const small = text.toLowerCase();
  return /[_-]|\s\s/.test(small) ? small.replace(/[\s_-]+/g, " ") : small;
}

/** Of a name without digits. @param stem without extension, as {@link plain} gives it. */
export function isPlainProgramName(stem: string): boolean {
  if (!STARTS.has(stem.slice(0, 3).toLowerCase())) return false;
  const whole = withoutCopyOf(stem);
  return WHOLE.has(toKey(whole)) || PLAIN_FORM.test(whole);
}

/** @param stem without extension and {@link COPY_OF}, as {@link plain} gives it. */
export function isProgramName(stem: string): boolean {
  const counted = MAYBE_COUNTED.test(stem) ? stem.replace(COUNTERS, "") : stem;
  if (counted.length <= LONGEST) {
    const key = toKey(counted);
    if (WHOLE.has(key) || (counted !== stem && WITH_COUNTER.has(key))) return true;
  }
  return OFFICE_FORM.test(stem) || SHAREX.test(stem) || FORM.test(stem);
}
