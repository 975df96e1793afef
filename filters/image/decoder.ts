/**
 * The program of a decoder process: one picture at a time, so that it is known which one ended it. It watches its own CPU
 * time, which JavaScript can because libvips works on another thread; a machine under load is thus no reason for a drop.
 */
import { ImageError } from "./image-error.ts";
import { makePicture, type Picture, type PictureOptions } from "./picture.ts";

/** To the decoder. */
export interface DecoderTask {
  bytes: Buffer;
  options: PictureOptions;
  cpuSeconds: number;
}

/** From the decoder. */
export type DecoderAnswer =
  | { picture: Picture }
  | { failure: { reason: ImageError["reason"]; message: string; optOut: string[] }; last?: boolean };

const WATCH_MS = 200;

// Ctrl-C reaches the whole group of processes; what is in flight is finished, and the crawl decides when to end.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => {});
// The crawl ended, by whatever means.
process.on("disconnect", () => process.exit(0));

process.on("message", ({ bytes, options, cpuSeconds }: DecoderTask) => {
  const before = process.cpuUsage();
  const watch = setInterval(() => {
    const { user, system } = process.cpuUsage(before);
    if (user + system < cpuSeconds * 1e6) return;
    clearInterval(watch);
    const message = `not decoded after ${cpuSeconds} s of CPU`;
    answer({ failure: { reason: "decoder_failed", message, optOut: [] }, last: true });
  }, WATCH_MS);
  makePicture(bytes, options)
    .then(
      (picture): DecoderAnswer => ({ picture }),
      (error): DecoderAnswer => {
        const { reason, message, optOut } =
          error instanceof ImageError ? error : new ImageError("undecodable", String(error));
        return { failure: { reason, message, optOut } };
      },
    )
    .then((result) => {
      clearInterval(watch);
      answer(result);
    });
});

function answer(result: DecoderAnswer): void {
  // `last`: libvips cannot be told to stop, so this process ends, and the thread with it.
  process.send?.(result, () => "last" in result && process.kill(process.pid, "SIGKILL"));
}
