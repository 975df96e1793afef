import type { PictureOptions } from "../../../filters/image/picture.ts";
import { CLIP } from "../../../filters/profiles.ts";

/** What a crawl does without being told otherwise. */
export const USUAL: PictureOptions = {
  profile: CLIP,
  resize: { mode: "keep-ratio", size: 256 },
  format: "jpg",
  quality: 90,
  optOut: "obey",
};
