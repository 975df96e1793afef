import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { release } from "../../crawler/buffers.ts";
import type { FetchError } from "../../crawler/fetch-error.ts";
import { HttpClient } from "../../crawler/http.ts";
import { generator } from "../random.ts";
import { framedAnswer, serveFramedAnswers } from "../servers/framed-answers.ts";

const ANSWERS = 300;
const IN_FLIGHT = 24;
const HOSTS = 8;
const fixture = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}.pem`, import.meta.url));

setDefaultCACertificates([...getCACertificates("default"), fixture("authority").toString()]);

/** A client of its server, and the addresses of its answers on a few hosts each of which keeps connections. */
async function start(t: TestContext, scheme: string): Promise<{ client: HttpClient; url: (n: number) => string }> {
  const secure = scheme === "https" ? { key: fixture("key"), cert: fixture("good") } : undefined;
  const { port, close } = await serveFramedAnswers(secure);
  const hosts = Array.from({ length: HOSTS }, (_, i) => `h${i}.site.example:${port}`);
  const resolve = hosts.map((host) => `${host}:127.0.0.1`);
  const client = new HttpClient({ userAgent: "test", allowPrivate: ["127.0.0.0/8"], resolve });
  t.after(async () => {
    await client.close();
    close();
  });
  return { client, url: (n) => `${scheme}://${hosts[n % HOSTS]}/${n}` };
}

/** Does it for all answers, many at a time. */
async function forAll(work: (n: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < ANSWERS) await work(next++);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
}

for (const scheme of ["http", "https"]) {
  test(`${scheme}: every body and head arrives as it was sent, however framed, cut and paused, beside ${IN_FLIGHT - 1} others`, async (t) => {
    const { client, url } = await start(t, scheme);
    const ends = new Map<string, number>();
    await forAll(async (n) => {
      const { body, long, cut, framing } = framedAnswer(n);
      const roll = generator(n);
      let pauses = 0;
      const room = () => (++pauses > 0 && roll() < 0.8 ? sleep(roll() * 5) : undefined);
      const got = await client
        .get(url(n), { maxBytes: 2_000_000, accept: "*/*", room })
        .catch((error: FetchError) => error);
      const end = got instanceof Error ? got.reason : pauses > 0 ? "paused" : "body";
      ends.set(end, (ends.get(end) ?? 0) + 1);
      if (framing === "missing") return assert.equal(end, "http_404", url(n));
      if (cut && framing === "close") return; // Nobody can tell.
      if (cut) return assert.ok(["reset", "protocol"].includes(end), `${url(n)} ${framing} ${got}`);
      assert.ok(!(got instanceof Error), `${url(n)} ${framing} ${got}`);
      assert.equal(got.headers["x-long"], long, url(n));
      assert.equal(got.headers["x-number"], String(n));
      assert.ok(got.body.equals(body), `${url(n)} ${framing}`);
      release(got.body);
    });
    for (const end of ["body", "paused", "http_404", "reset"]) assert.ok((ends.get(end) ?? 0) > 5, end);
  });
}

test("a reader that is slow, one that leaves in the middle, one that wants the beginning only", async (t) => {
  const { client, url } = await start(t, "http");
  await forAll(async (n) => {
    const { body, cut, framing } = framedAnswer(n);
    const roll = generator(n + 1_000_000);
    if (cut || framing.startsWith("gzip")) return;
    if (framing !== "missing" && n % 3 === 0) {
      const maxBytes = Math.ceil(roll() * body.length);
      const got = await client.get(url(n), { maxBytes, accept: "*/*", truncate: true });
      assert.ok(got.body.equals(body.subarray(0, maxBytes)), url(n));
      return;
    }
    const opened = await client.open(new URL(url(n)), {});
    const leaveAt = n % 3 === 1 ? roll() * body.length : Number.POSITIVE_INFINITY;
    let at = 0;
    for await (const chunk of opened.body as AsyncIterable<Buffer>) {
      if (roll() < 0.3) await sleep(roll() * 4);
      assert.ok(chunk.equals(body.subarray(at, at + chunk.length)), `${url(n)} ${framing} at ${at}`);
      at += chunk.length;
      if (at > leaveAt) break;
    }
    if (leaveAt > body.length) assert.equal(at, body.length, url(n));
  });
});
