/** Our client in bench/fetch.ts: SCHEME PORT PATH COUNT; below close/ every picture is on a host of its own. Prints CPU seconds and successes. */

import { release } from "../crawler/buffers.ts";
import { HttpClient } from "../crawler/http.ts";

const IN_FLIGHT = 64;
const [scheme = "", port = "", path = "", count = ""] = process.argv.slice(2);
const host = (i: number) => (path === "" ? "site.example" : `h${i}.site.example`);
const hosts = new Set(Array.from({ length: Number(count) }, (_, i) => host(i)));
const client = new HttpClient({
  userAgent: "webimagetext-bench",
  allowPrivate: ["127.0.0.0/8"],
  resolve: Array.from(hosts, (name) => `${name}:${port}:127.0.0.1`),
});
let next = 0;
let ok = 0;
const fetchInTurn = async () => {
  while (next < Number(count)) {
    const i = next++;
    const { body } = await client.get(`${scheme}://${host(i)}:${port}/${path}${i}.jpg`, {
      maxBytes: 20_000_000,
      accept: "image/*",
    });
    if (body.length > 1_000) ok++;
    release(body);
  }
};
await Promise.all(Array.from({ length: IN_FLIGHT }, fetchInTurn));
await client.close();
const { user, system } = process.cpuUsage();
console.log(JSON.stringify({ cpu: (user + system) / 1e6, ok }));
