import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import sharp from "sharp";
import { openForReading } from "../../store/database.ts";
import { run, useShortList } from "../cli.ts";
import { temporaryFolder } from "../folder.ts";

test("--opt-out obey and record each judge again what the other let in or refused", async (t) => {
  const shade = (red: number) =>
    sharp({ create: { width: 70, height: 70, channels: 3, background: { r: red, g: 90, b: 30 } } })
      .png()
      .toBuffer();
  const pictures = new Map<string, Buffer>(
    await Promise.all(
      ["plain", "header", "page"].map(async (name, i) => [`/${name}.png`, await shade(80 * i)] as const),
    ),
  );
  const figure = (name: string) => `<img src="/${name}.png" alt="a boat called ${name}">`;
  const server = createServer(({ url = "" }, response) => {
    const picture = pictures.get(url);
    if (picture) {
      if (url === "/header.png") response.setHeader("x-robots-tag", "noai");
      response.setHeader("content-type", "image/png").end(picture);
    } else if (url === "/" || url === "/noai.html") {
      const html =
        url === "/"
          ? `${figure("plain")}${figure("header")}<a href="/noai.html">more</a>`
          : `<meta name="robots" content="noai">${figure("page")}`;
      response.setHeader("content-type", "text/html; charset=utf-8").end(html);
    } else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const data = temporaryFolder("opt-out");
  const limits = join(data, "limits.tsv");
  writeFileSync(limits, "127.0.0.0/8\t0\t10000\t4\n");
  useShortList(data, ["boat"]);
  const crawled = async (optOut: string) => {
    const told = ["--seeds", address, "--allow-private", "127.0.0.0/8", "--host-limits", limits, "--quiet"];
    const ended = await run(["crawl", "--data", data, "--opt-out", optOut, ...told]);
    assert.equal(ended.code, 0, ended.error);
    const db = openForReading(data);
    const rows = db
      .prepare<[], { name: string; ended: string; opt_out: string | null }>(
        "SELECT substr(caption, 15) AS name, coalesce(reason, state) AS ended, opt_out FROM pair ORDER BY 1",
      )
      .all();
    db.close();
    return rows;
  };
  const signals = { header: '["x-robots-tag: noai"]', page: '["page: meta robots: noai"]', plain: null };
  const all = (ended: Record<keyof typeof signals, string>) =>
    (["header", "page", "plain"] as const).map((name) => ({ name, ended: ended[name], opt_out: signals[name] }));
  const recorded = all({ header: "kept", page: "kept", plain: "kept" });
  const obeyed = all({ header: "opt_out", page: "opt_out_page", plain: "kept" });
  assert.deepEqual(await crawled("record"), recorded);
  assert.deepEqual(await crawled("obey"), obeyed);
  assert.deepEqual(await crawled("record"), recorded);
  assert.deepEqual(await crawled("obey"), obeyed);
});
