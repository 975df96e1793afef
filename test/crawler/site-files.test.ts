import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { BodyMemory } from "../../crawler/memory.ts";
import { SiteFiles } from "../../crawler/site-files.ts";
import { listen, openNet } from "./faults/harness.ts";

const HOSTS = 40;
const LENGTH = 500 * 1024;

test("files are kept in memory by what they take; what is forgotten is read from the database again", async () => {
  let asked = 0;
  const port = await listen(
    createServer((_, response) => {
      asked++;
      response.end("#".repeat(LENGTH));
    }),
  );
  const { net, db } = openNet({ resolve: Array.from({ length: HOSTS }, (_, i) => `h${i}.example:${port}:127.0.0.1`) });
  const read: number[] = [];
  const files = new SiteFiles(
    db,
    net.http,
    "/robots.txt",
    512 * 1024,
    ({ body }) => read.push(body.length),
    new BodyMemory(),
  );
  const of = (host: number) => files.of(new URL(`http://h${host}.example:${port}/`));
  for (let host = 0; host < HOSTS; host++) await of(host);
  assert.deepEqual([asked, read.length], [HOSTS, HOSTS]);
  await of(HOSTS - 1);
  assert.equal(read.length, HOSTS, "the last one is in memory");
  // Parsed they take ten times as much: 200 MB.
  await of(0);
  assert.deepEqual([asked, read.length, read.at(-1)], [HOSTS, HOSTS + 1, LENGTH]);
});

test("files under way share a memory: few at once, and large ones ask for room", async () => {
  const memory = new BodyMemory(3);
  let [now, most, mostBytes] = [0, 0, 0];
  const port = await listen(
    createServer((_, response) => {
      most = Math.max(most, ++now);
      response.write("#".repeat(LENGTH));
      setTimeout(() => {
        mostBytes = Math.max(mostBytes, memory.bytes);
        now--;
        response.end();
      }, 50);
    }),
  );
  const { net, db } = openNet({ resolve: Array.from({ length: HOSTS }, (_, i) => `h${i}.example:${port}:127.0.0.1`) });
  const files = new SiteFiles(db, net.http, "/robots.txt", 512 * 1024, ({ body }) => body.length, memory);
  const all = Array.from({ length: 12 }, (_, i) => files.of(new URL(`http://h${i}.example:${port}/`)));
  assert.deepEqual(await Promise.all(all), Array(12).fill(LENGTH));
  assert.equal(most, 3);
  assert.ok(mostBytes > 512 * 1024, `${mostBytes} bytes of room`);
  assert.equal(memory.bytes, 0);
});
