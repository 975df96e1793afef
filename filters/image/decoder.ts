/**
 * The program of a decoder process: one picture at a time, so that it is known which one ended it. It watches its own CPU
 * time, which JavaScript can because libvips works on another thread; a machine under load is thus no reason for a drop.
 */
import { flushCompileCache } from "node:module";
import { receiveFrame, sendFrame } from "./frame.ts";
import { ImageError } from "./image-error.ts";
import { makePicture, type Picture, type PictureOptions } from "./picture.ts";

/** To the decoder, before the picture's bytes. */
export interface DecoderTask {
  options: PictureOptions;
  cpuSeconds: number;
}

/** From the decoder, before the stored picture's bytes. */
export type DecoderAnswer =
  | { picture: Omit<Picture, "image"> }
  | { failure: { reason: ImageError["reason"]; message: string; optOut: string[] }; last?: boolean };

/** The socket to the crawl; what libraries print goes elsewhere. */
const CHANNEL = 3;
const WATCH_MS = 200;
const NOTHING = new Uint8Array();

// Ctrl-C reaches the whole group of processes; what is in flight is finished, and the crawl decides when to end.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => {});

async function answer(bytes: Buffer, { options, cpuSeconds }: DecoderTask): Promise<void> {
  const before = process.cpuUsage();
  const watch = setInterval(() => {
    const { user, system } = process.cpuUsage(before);
    if (user + system < cpuSeconds * 1e6) return;
    const message = `not decoded after ${cpuSeconds} s of CPU`;
    send({ failure: { reason: "decoder_failed", message, optOut: [] }, last: true }, NOTHING);
    // libvips cannot be told to stop, so this process ends, and the thread with it.
    process.kill(process.pid, "SIGKILL");
  }, WATCH_MS);
  try {
    const { image, ...picture } = await makePicture(bytes, options);
    send({ picture }, image);
  } catch (error) {
    const { reason, message, optOut } =
      error instanceof ImageError ? error : new ImageError("undecodable", String(error));
    send({ failure: { reason, message, optOut } }, NOTHING);
  }
  clearInterval(watch);
}

function send(message: DecoderAnswer, bytes: Uint8Array): void {
  sendFrame(CHANNEL, message, bytes);
}

try {
  for (let task = receiveFrame(CHANNEL), first = true; task; task = receiveFrame(CHANNEL), first = false) {
    await answer(task.bytes, task.message as DecoderTask);
    // Else written at the end, which a decoder that is killed does not come to.
    if (first) flushCompileCache();
  }
} catch (error) {
  // The crawl ended while it was read from or written to, by whatever means.
  if (!/^(EPIPE|ECONNRESET)$/.test((error as NodeJS.ErrnoException).code ?? "")) throw error;
}
process.exit(0);
