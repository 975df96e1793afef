/**
 * Every reason a pair can be dropped for, by the stage that gives it, with the line that `--help` and the table `reason`
 * show. A rule's name is the name of its file with underscores; the rest are outcomes of a download.
 */
export const REASONS = {
  extract: {
    no_text: "the picture has no alt, title or figcaption",
    bad_url: "the picture's address is no http(s) address (data:, javascript:, unparsable)",
    bad_row: "the line of a list could not be read",
    bad_record: "a record of an archive is damaged, cut short, larger than any page's, or no valid JSON",
    not_picture:
      "the row, file, sample or search result is no picture (a video, a sound, a document, a drawing in SVG)",
    duplicate_pair: "the same address with the same caption was found before",
    opt_out_page: "the page opts out of use for training (its site's files, headers or meta elements)",
  },
  caption: {
    no_letters: "no letter in the caption",
    too_long: "more characters or words than the profile allows",
    markup: "markup, code, or nothing but an address",
    auto_name: "a name made by a camera, phone, scanner, program or server",
    camera_metadata: "camera settings, or a text written by the camera itself",
    boilerplate: "a placeholder or an instruction",
    repetition: "the same word, phrase or letter over and over",
    not_english: "not English, by its words and by fastText's language model",
    other_language: "not in the language of --lang, by fastText's language model",
    too_short: "fewer characters or words than the profile asks",
    no_noun: "no noun of WordNet",
    no_determiner: "no determiner (a, the, this, ...)",
    rare_word: "a word that English Wikipedia and WordNet do not know",
  },
  match: { no_query: "contains no query of the list" },
  select: {
    other_caption: "another text of the same picture was preferred (figcaption, alt, title)",
    removed: "taken down with `npm run remove`; never comes back",
    shared_caption: "the caption stands beside more pictures than the profile allows",
  },
  download: {
    robots: "robots.txt disallows it, or gives a server error",
    opt_out: "the picture opts out of use for training (robots.txt, ai.txt, tdmrep.json, headers, its own metadata)",
    private_address: "its address, or one it redirects to, is not public",
    redirect_loop: "redirects in a circle or more than five times",
    bad_redirect: "redirects to no http(s) address",
    http_403: "the server forbids it",
    http_404: "not found",
    http_410: "gone",
    http_4xx: "another client error",
    http_429: "too many requests, also after waiting",
    http_5xx: "server error, also after trying again",
    dns: "the host name does not resolve",
    connect: "no connection to the host",
    tls: "the certificate or TLS handshake failed",
    timeout: "not done within the deadline, or too slow",
    reset: "the connection broke, also after trying again",
    protocol: "not valid HTTP",
    too_large: "more bytes than allowed, or a decompression bomb",
    empty: "no bytes",
    checksum: "the bytes are not those whose checksum the list states",
    local_file: "the picture's file on this machine cannot be read",
    host_down: "too many failures of this host in a row, or it asked for a pause of more than an hour",
    not_a_page: "a page's address gave something else (a picture, a PDF, a feed)",
    hostile_page: "a page that could not be read within two seconds and 512 MB",
  },
  image: {
    opt_out_metadata:
      "the picture's own metadata reserves it from training (PLUS Data Mining: DMI-PROHIBITED..., C2PA or CAWG training-mining)",
    unsupported_format: "not JPEG, PNG, WebP, AVIF or GIF (SVG, PDF, TIFF, ...)",
    animated: "more than one frame",
    undecodable: "the bytes are no picture, or a broken one",
    decoder_failed: "decoding it took over 10 s of CPU, or ended the decoder",
    too_many_pixels: "more than 64 million pixels",
    too_small: "the short side is below the profile's minimum",
    too_few_bytes: "fewer bytes as sent than the profile asks",
    aspect_ratio: "more elongated than the profile allows",
    duplicate_image: "the same bytes as another pair's picture (the smaller pair id stays)",
    near_duplicate: "nearly the same picture as another pair's (only in profiles that say so)",
  },
} as const satisfies Record<string, Record<string, string>>;

/** A reason a picture can fail for between its choice and its place in a shard. */
export type DownloadReason = keyof typeof REASONS.download;
