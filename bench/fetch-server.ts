/** The server of bench/fetch.ts: pictures over http and https on loopback; below /close/ each on a connection of its own. */
import { readFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Server } from "node:net";
import sharp from "sharp";

const PICTURES = 24;

/** Photographs have much at low and a little at high frequencies: enlarged noise with fine noise on it. */
async function picture(index: number): Promise<Buffer> {
  const [width, height] = [600 + 60 * (index % 12), 500 + 40 * (index % 9)];
  const noise = (w: number, h: number, sigma: number) =>
    sharp({
      create: {
        width: w,
        height: h,
        channels: 3,
        background: "#808080",
        noise: { type: "gaussian", mean: 128, sigma },
      },
    });
  const coarse = await noise(16 + index, 12 + index, 70)
    .resize(width, height, { kernel: "cubic", fit: "fill" })
    .png()
    .toBuffer();
  const fine = await noise(width, height, 12).png().toBuffer();
  return sharp(coarse)
    .composite([{ input: fine, blend: "soft-light" }])
    .jpeg({ quality: 85 })
    .toBuffer();
}

const pictures = await Promise.all(Array.from({ length: PICTURES }, (_, i) => picture(i)));
const answer: RequestListener = (request, response) => {
  const [, close, number] = /^\/(close\/)?(\d+)\.jpg$/.exec(request.url ?? "") ?? [];
  const jpeg = pictures[Number(number) % PICTURES];
  if (!jpeg) return void response.writeHead(404).end();
  // Behind the end of the picture decoders stop; the number makes each a file of its own.
  const body = Buffer.concat([jpeg, Buffer.from(number ?? "")]);
  response.writeHead(200, {
    "content-type": "image/jpeg",
    "content-length": body.length,
    ...(close ? { connection: "close" } : {}),
  });
  response.end(body);
};
const [key, cert] = ["key", "good"].map((name) => readFileSync(`test/fixtures/tls/${name}.pem`));
const start = async (server: Server) => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", 1024, resolve));
  return (server.address() as AddressInfo).port;
};
const https = await start(createTlsServer({ key, cert }, answer));
console.log(JSON.stringify({ http: await start(createServer(answer)), https }));
