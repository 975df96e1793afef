import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { getMeta } from "../database.ts";
import { pictureWriter } from "./pictures.ts";
import { type ExportSource, samplesOf } from "./source.ts";

/**
 * COCO captions: `images/` and `captions.json` with `images`, `annotations` and `licenses`. The ids are whole numbers in
 * the order of the shards, as COCO's tools expect; the pair's own id stands beside them.
 */
export function writeCoco(source: ExportSource): number {
  const { db, folder } = source;
  const names = db
    .prepare<[], string>(
      "SELECT DISTINCT licence FROM pair WHERE state = 'kept' AND licence IS NOT NULL ORDER BY licence",
    )
    .pluck()
    .all();
  const licences = ["unknown", ...names].map((name, id) => ({ id, name, url: /^https?:/.test(name) ? name : "" }));
  const licenceId = new Map(licences.map(({ id, name }) => [name, id]));
  const info = { description: "webimagetext", version: getMeta(db, "version") ?? "", url: "", contributor: "" };
  // The file is written as it goes: a million pairs would be half a gigabyte of objects.
  const writePicture = pictureWriter(join(folder, "images"));
  const descriptor = openSync(join(folder, "captions.json"), "w");
  const annotations: string[] = [];
  let id = 0;
  try {
    writeSync(descriptor, `{"info": ${JSON.stringify(info)},\n"licenses": ${JSON.stringify(licences)},\n"images": [`);
    for (const sample of samplesOf(source)) {
      const { metadata, retrieved } = sample;
      const image = {
        id: ++id,
        file_name: writePicture(sample),
        width: metadata.width,
        height: metadata.height,
        license: licenceId.get(metadata.licence ?? "unknown"),
        coco_url: metadata.url,
        date_captured: retrieved,
        pair_id: metadata.id,
      };
      writeSync(descriptor, `${id === 1 ? "\n" : ",\n"}${JSON.stringify(image)}`);
      annotations.push(JSON.stringify({ id, image_id: id, caption: metadata.caption }));
    }
    writeSync(descriptor, `],\n"annotations": [\n${annotations.join(",\n")}]}\n`);
  } finally {
    closeSync(descriptor);
  }
  return id;
}
