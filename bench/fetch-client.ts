/** Our client in bench/fetch.ts: SCHEME PORT PATH COUNT; below close/ every picture is on a host of its own. Prints CPU seconds and successes. */

import pLimit from "p-limit";
import { HttpClient } from "../crawler/http.ts";
import { release } from "../crawler/memory.ts";

const [scheme = "", port = "", path = "", count = ""] = process.argv.slice(2);
const names = Array.from({ length: Number(count) }, (_, i) => (path === "" ? "site.example" : `h${i}.site.example`));
const client = new HttpClient({
  userAgent: "webimagetext-bench",
  allowPrivate: ["127.0.0.0/8"],
  resolve: names.map((name) => `${name}:${port}:127.0.0.1`),
});
const limit = pLimit(64);
let ok = 0;
await Promise.all(
  names.map((name, i) =>
    limit(async () => {
      const { body } = await client.get(`${scheme}://${name}:${port}/${path}${i}.jpg`, {
        maxBytes: 20_000_000,
        accept: "image/*",
      });
      if (body.length > 1_000) ok++;
      release(body);
    }),
  ),
);
await client.close();
const { user, system } = process.cpuUsage();
console.log(JSON.stringify({ cpu: (user + system) / 1e6, ok }));
