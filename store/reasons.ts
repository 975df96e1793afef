/**
 * Every reason a pair can be dropped for, by the stage that gives it, with the line that `--help` and the table `reason`
 * show. A rule's name is the name of its file with underscores; the rest are outcomes of a download.
 */
export const REASONS = {
  extract: {
    no_text: "the picture has no alt, title or figcaption",
    bad_url: "the picture's address is no http(s) address (data:, javascript:, unparsable)",
    bad_row: "the line of a list could not be read",
    bad_record: "a record of an archive is damaged, cut short or no valid JSON",
    not_picture: "the row or search result is a video, sound or document",
    duplicate_pair: "the same address with the same caption was found before",
    opt_out_page: "the page opts out of use for training (meta robots, X-Robots-Tag, TDM-Reservation)",
  },
  caption: {
    no_letters: "no letter in the caption",
    too_long: "longer than a caption",
    markup: "markup, code, or nothing but an address",
    auto_name: "a name made by a camera, phone, program or server",
    camera_metadata: "camera settings or the camera's own description",
    boilerplate: "a placeholder or instruction",
    repetition: "the same words over and over",
    not_english: "not in the language of the build",
  },
  match: { no_query: "contains no query of the list" },
  select: { other_caption: "another text of the same picture was preferred (figcaption, alt, title)" },
  download: {
    robots: "robots.txt disallows it, or could not be reached",
    opt_out: "the picture opts out of use for training (X-Robots-Tag, TDM-Reservation)",
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
    host_down: "too many failures of this host in a row",
  },
  image: {
    opt_out_metadata: "the picture's own metadata reserves it from training (PLUS Data Mining: DMI-PROHIBITED...)",
    unsupported_format: "not JPEG, PNG, WebP, AVIF or GIF (SVG, PDF, TIFF, ...)",
    animated: "more than one frame",
    undecodable: "the bytes are no picture, or a broken one",
    decoder_failed: "decoding it took over 10 s of CPU, or ended the decoder",
    too_many_pixels: "more than 64 million pixels",
    too_small: "the short side is below the profile's minimum",
    aspect_ratio: "more elongated than the profile allows",
    duplicate_image: "the same bytes as another pair's picture (the smaller pair id stays)",
    near_duplicate: "nearly the same picture as another pair's (only in profiles that say so)",
  },
} as const satisfies Record<string, Record<string, string>>;

/** A reason a picture can fail for between its choice and its place in a shard. */
export type DownloadReason = keyof typeof REASONS.download;
