/** The words that automatic names are made of, lower-case, without accents. */

function list(words: string): ReadonlySet<string> {
  return new Set(plain(words).split(" "));
}

/** Letters without accents, full-width forms as ASCII, so that "Capture d'écran" is looked up like the rest. */
export function plain(text: string): string {
  return /[^ -~]/.test(text) ? text.normalize("NFKD").replace(/\p{M}/gu, "") : text;
}

/** Prefixes of cameras, phones, scanners and agencies: with any number they are an automatic name. */
export const MAKERS = list(
  "img dsc dscn dscf dscs dsci dsch dscx dcim sdc pxl mvimg mvi gopr dji cimg imgp pict picx hpim kif sany dcp dcf fdsc fuji mvc imag imga imgl imgs imgn imgc imgi imgr imgx " +
    "rid cid rplot arton artoff rubon ruboff breveon siteon auton moton snc msg vid mov rimg simg himg kimg cam cimage pano wa mmexport weixin kakaotalk inshot picsart photogrid " +
    "psx lrm vsco beautyplus meitu faceapp facetune photoroom igdownloader " +
    "shutterstock istock istockphoto gettyimages adobestock depositphotos dreamstime dreamstimelarge thinkstock thinkstockphotos photodune fotolia bigstock bigstockphoto canstock canstockphoto pexels pixabay unsplash freepik rawpixel stocksnap stocksy stockphoto vecteezy " +
    "screenshot screenshots screenhunter kazam mpv vlcsnap croppercapture snaghtml snag scrot newplot sharedscreenshot snip smartselect unadjustednonraw unadjustedraw pastedgraphic pastedimage comfyui giphy ezgif scrnshot cleanshot bildschirmfoto schermafbeelding schermata skjermbilde skarmavbild skarmbild zrzut tangkapan cuplikan layar schermopname nayttokuva skærmbillede kepernyokep ekra ecra fullsizerender fullsizeoutput hpscan camscanner newdocument escanear escaner digitalizar digitalizacao skannet scansione scansnap twain maxresdefault hqdefault mqdefault sddefault wireap usatsi wp timg ecran pantalla ekranu " +
    "снимок экрана скриншот знімок екрана 截屏 截图 截圖 屏幕截图 屏幕快照 螢幕截圖 螢幕快照 微信图片 微信截图 捕获 qq图片 qq截图 스크린샷 화면 캡처 スクリーンショット " +
    "pana vivi stic anafi hyperlapse depstech dollarphotoclub wallhaven panews mediaitem srpthumb afterlightimage photodj squarequick smartselectimage picasabackground rpreplay imagetojpg gptempdownload droppedimage shapeimage imgres getimage showimage " +
    "wechatimg wechatworkscreenshot micromsg hdimg messageimage tempfileforshare screencapture wowscrnshot scummvm epscan codesnap rplots " +
    "numeriser skanuj skenovat skenovani skanna gescannt scannen escaneo beolvasas сканировать сканирование скан скрин スキャン 스캔 扫描 掃描 扫描全能王 企业微信截图",
);

/** Programs and sites whose names are words too: makers beside an identifier or a date, not in "logo-twitter-2". */
export const APPS = list(
  "whatsapp telegram snapchat viber wechat messenger received inbound movie burst snapseed prisma canva capcut tumblr instagram insta ig facebook pinterest twitter imgur ebay flickr getty alamy lightbox epson youtube vimeo outlook tenor peek tass imago line adobe gopro user userid ap afp epa dpa " +
    "xerox fotor lensa remini medibang youcam dingtalk craiyon grok firefly nightcafe whisk bing blogger kmplayer potplayer noun mermaid snagit tinytake gifox gyazo saveinsta ssstik grim maim tarama",
);
/** So many digits are an identifier or a date. */
export const IDENTIFIER = 5;

/** Nouns that programs put before a number ("image001", "Photo 2"), also with a space. */
export const GENERIC = list(
  "image images capture photo photos picture pictures pic pics foto fotos bild bilder imagen imagem immagine slide scan scanned diapositive diapozitiv slayt untitled untitleddesign unnamed snapshot attachment thumbnail screencap picsum numerisation diapositiva folie grafik afbeelding obraz obrazek kuva slika billede resim gambar изображение рисунок картинка фото снимка 图片 圖片 图像 照片 画像 写真 이미지 사진 그림 " +
    "unbenannt obrazok bilde εικόνα รูปภาพ תמונה صورة चित्र imatge irudia mynd slajd snímka snímek слайд スライド 슬라이드 幻灯片 投影片 lysbilde slaid ภาพนิ่ง διαφάνεια שקופית شريحة",
);

/** Nouns that are automatic with a number only in file-name spelling: "banner_01", "product-123", but not "Banner 2". */
export const WEAK = list(
  "banner header footer carousel gallery page fig figure product item frame video document doc layer artboard collage hero section block post entry article home graphic sprite avatar profile topic selection seleccion selezione auswahl clipboard chunk readme render view snap collages dia hinh kep anh custom banniere vignette miniatura galerie galeria galleria produit producto produkt prodotto artikel articulo",
);

/** Nouns that say nothing at all: in file-name spelling an extension is enough, "default.jpg". */
export const HOLLOW = list(
  "bg background file thumb cover default test temp tmp upload uploads download media content main sample asset placeholder featured preview mediumthumb medthumb node unknown index " +
    "descarga téléchargement scarica baixados transferir unduhan indir загружено завантаження pobrane lataus letöltés descărcare λήψη הורדה تنزيل ดาวน์โหลด 下载 下載 ダウンロード 다운로드 preuzmi prenos nedladdning nedlasting imágenes pantallazo",
);

/** Runs of letters that say nothing in a name which is otherwise automatic. */
export const FILLER = list(
  "jpg jpeg png gif webp php htm th kopia kopya kopi kopio копия コピー 複製 bmp tif tiff heic heif svg avif jfif raw cr nef arw dng psd ai pdf at am pm um on of from by to the and with no nr num id via ios copy kopie copie copia edit edited final new old min web hires lowres res orig original resize resized crop cropped scaled scale rotated optimized compressed enhanced reduced kb mb fb clip verybig tn hd bw dat max mini shots guid uuid low high full half large medium small normal big xl xxl xlarge px dpi ver version rev hdr comp bokeh mp hq sd uhd ac sl sx sy ul ux cr fmt fit vs " +
    "von pukul 복사본 副本 コピー my bigger removebg bearbeitet bearbeiten screen shot captura tela de pro wx window date export output editor design shared pasted " +
    "sm md lg sml med grande prev sld hor url null buyuk kucuk one two three four five six seven eight nine ten",
);

/** Words that say nothing beside an identifier or a date only: "40436_wide", "timeline_20150605_101112", but "sun8". */
export const BESIDE_IDENTIFIER = list(
  "jan january feb february mar march apr april may jun june jul july aug august sep sept september oct october nov november dec december mon tue wed thu fri sat sun monday tuesday wednesday thursday friday saturday sunday uhr " +
    "wide tall left right square horizontal vertical standard front back side tease cached random timeline stock inline cover night panorama selfie " +
    "vector premium effects thermal camera creation enhance master plus utc day widget secondary positioned slider teaser static",
);

/** What a word on the lists says. */
export type Kind = "makers" | "apps" | "generic" | "weak" | "hollow" | "filler" | "beside";
const LISTS: readonly (readonly [Kind, ReadonlySet<string>])[] = [
  ["beside", BESIDE_IDENTIFIER],
  ["filler", FILLER],
  ["hollow", HOLLOW],
  ["weak", WEAK],
  ["generic", GENERIC],
  ["apps", APPS],
  ["makers", MAKERS],
];
/** All lists in one look; of two that have a word the later one counts. */
export const KINDS: ReadonlyMap<string, Kind> = new Map(
  LISTS.flatMap(([kind, words]) => [...words].map((word) => [word, kind] as const)),
);
