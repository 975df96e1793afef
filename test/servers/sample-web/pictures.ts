import sharp from "sharp";
import type { Behaviour, Site } from "./catalogue.ts";
import { drawPair, encode } from "./digits.ts";

/** A picture as the server sends it. */
export interface Sent {
  type: string;
  bytes: Buffer;
}

/**
 * The bytes of a picture, the same at every request; undefined for behaviours that have none (redirects, statuses, bodies
 * that never end).
 */
export async function renderPicture(site: Site, behaviour: Behaviour): Promise<Sent | undefined> {
  switch (behaviour.kind) {
    case "emoji": {
      const { svg, size, format } = behaviour;
      const image = sharp(Buffer.from(svg), { density: 72 }).resize(size, size, {
        fit: "contain",
        background: "#ffffff",
      });
      return format === "png"
        ? { type: "image/png", bytes: await image.png({ compressionLevel: 2 }).toBuffer() }
        : {
            type: "image/jpeg",
            bytes: await image.flatten({ background: "#ffffff" }).jpeg({ quality: 88 }).toBuffer(),
          };
    }
    case "digits":
      return {
        type: "image/jpeg",
        bytes: await encode(drawPair(behaviour.left, behaviour.right, behaviour.shift), "jpeg"),
      };
    case "same as":
    case "noai": {
      const original = site.pictures.get(behaviour.path);
      return original ? renderPicture(site, original) : undefined;
    }
    case "blank": {
      const { width, height } = behaviour;
      return {
        type: "image/png",
        bytes: await sharp({ create: { width, height, channels: 3, background: "#7799bb" } })
          .png()
          .toBuffer(),
      };
    }
    case "truncated": {
      const whole = await sharp({
        create: {
          width: 400,
          height: 300,
          channels: 3,
          background: "#884422",
          noise: { type: "gaussian", mean: 120, sigma: 40 },
        },
      })
        .jpeg()
        .toBuffer();
      return { type: "image/jpeg", bytes: whole.subarray(0, whole.length >> 1) };
    }
    case "html":
      return {
        type: "image/jpeg",
        bytes: Buffer.from("<!doctype html><title>Oh dear</title><p>We moved. This page is gone."),
      };
    case "svg":
      return {
        type: "image/svg+xml",
        bytes: Buffer.from(
          '<svg xmlns="http://www.w3.org/2000/svg" width="200" height="200"><circle cx="100" cy="100" r="80"/></svg>',
        ),
      };
    default:
      return undefined;
  }
}
