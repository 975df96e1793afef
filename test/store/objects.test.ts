import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { type Objects, openObjects } from "../../store/objects.ts";
import { temporaryFolder } from "../folder.ts";
import { type BadProxy, startBadProxy } from "../servers/bad-proxy.ts";
import { startMoto } from "../servers/moto.ts";

const folder = temporaryFolder("objects");

const moto = await startMoto();
let proxy: BadProxy | undefined;
if (typeof moto === "string") {
  console.log(`skipped, S3: ${moto}`);
} else {
  after(moto.close);
  proxy = await startBadProxy(moto.endpoint);
  after(proxy.close);
  Object.assign(process.env, moto.env, { AWS_ENDPOINT_URL: proxy.endpoint });
}

const bytes = (text: string) => Buffer.from(text);
/** Longer than a part of an upload. */
const LONG = randomBytes(20_000_000);

async function collect<T>(from: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of from) all.push(one);
  return all;
}

async function namesOf(objects: Objects, prefix: string): Promise<string[]> {
  return (await collect(objects.list(prefix))).map(({ name }) => name);
}

async function read(objects: Objects, name: string, range?: { start?: number; end?: number }): Promise<Buffer> {
  return Buffer.concat(await collect(objects.read(name, range)));
}

/** What holds of every store. */
const contract: [name: string, check: (objects: Objects, t: TestContext) => Promise<void>][] = [
  [
    "what is put can be got, stat'ed, listed, replaced and deleted",
    async (objects) => {
      await objects.put("a/one.json", bytes("first"));
      await objects.put("a/one.json", bytes("second"));
      assert.equal(String(await objects.get("a/one.json")), "second");
      const info = await objects.stat("a/one.json");
      assert.deepEqual([info?.name, info?.size], ["a/one.json", 6]);
      assert.ok(Math.abs(Number(info?.modified) - Date.now()) < 3_600_000);
      assert.equal((await collect(objects.list("a/")))[0]?.size, 6);
      await objects.delete("a/one.json");
      await objects.delete("a/one.json");
      assert.equal(await objects.stat("a/one.json"), undefined);
      assert.deepEqual(await namesOf(objects, ""), []);
    },
  ],
  [
    "what is missing: undefined where it may be, an error with its address where not",
    async (objects) => {
      assert.equal(await objects.stat("a/none"), undefined);
      assert.equal(await objects.getIfPresent("a/none"), undefined);
      await assert.rejects(objects.get("a/none"), (error: Error) => error.message.includes(objects.url("a/none")));
      await assert.rejects(read(objects, "a/none", { start: 1, end: 3 }), /a\/none/);
      await assert.rejects(objects.fetch("a/none", join(folder, "none")), /a\/none/);
      assert.equal(existsSync(join(folder, "none")), false);
      assert.deepEqual(await namesOf(objects, "nowhere/at/all"), []);
    },
  ],
  [
    "lists are sorted by whole names, at any prefix, and longer than a page",
    async (objects) => {
      const names = ["a.json", "a/b", "a/b/c-1", "a/b/c/d", "a0", "b/1"].filter((name) => name !== "a/b");
      await Promise.all(names.map((name) => objects.put(name, bytes(name))));
      assert.deepEqual(await namesOf(objects, ""), names);
      assert.deepEqual(await namesOf(objects, "a/b/c"), ["a/b/c-1", "a/b/c/d"]);
      assert.deepEqual(await namesOf(objects, "a"), names.slice(0, 4));
      assert.deepEqual(await namesOf(objects, "b/"), ["b/1"]);
      // Four names a page: see the proxy.
      const many = Array.from({ length: 21 }, (_, i) => `many/${String(i).padStart(5, "0")}`);
      await Promise.all(many.map((name) => objects.put(name, bytes(""))));
      assert.deepEqual(await namesOf(objects, "many/"), many);
    },
  ],
  [
    "ranges are exact; the end beyond the object is an error",
    async (objects) => {
      await objects.put("r", bytes("0123456789"));
      assert.equal(String(await read(objects, "r", { start: 2, end: 5 })), "234");
      assert.equal(String(await read(objects, "r", { start: 8 })), "89");
      assert.equal(String(await read(objects, "r", { end: 1 })), "0");
      assert.equal(String(await read(objects, "r", { start: 4, end: 4 })), "");
      assert.equal(String(await read(objects, "r", { start: 10 })), "");
      await assert.rejects(read(objects, "r", { start: 5, end: 11 }), /\/r: ends at byte 10, before 11/);
      await objects.put("empty", bytes(""));
      assert.equal((await read(objects, "empty")).length, 0);
      const part = await objects.fetchRange("r", { start: 2, end: 5 }, join(folder, "part"));
      assert.equal(readFileSync(part.file, "latin1").slice(part.offset, part.offset + 3), "234");
      await assert.rejects(
        objects.fetchRange("r", { start: 5, end: 11 }, join(folder, "part")),
        /\/r: ends at byte 10, before 11/,
      );
      await assert.rejects(objects.fetchRange("a/none", { start: 1, end: 3 }, join(folder, "part")), /a\/none/);
    },
  ],
  [
    "long ones from memory, a file and a stream come back the same, and are fetched",
    async (objects) => {
      const file = join(folder, "long");
      writeFileSync(file, LONG);
      async function* pieces() {
        for (let at = 0; at < LONG.length; at += 700_001) yield LONG.subarray(at, at + 700_001);
      }
      await objects.put("long/buffer", LONG);
      await objects.put("long/file", { file });
      await objects.put("long/linked", { file, final: true });
      await objects.put("long/linked", { file, final: true });
      await objects.put("long/stream", pieces());
      for (const name of await namesOf(objects, "long/")) assert.ok(LONG.equals(await read(objects, name)), name);
      const copy = join(folder, "copy");
      await objects.fetch("long/file", copy);
      assert.ok(LONG.equals(readFileSync(copy)));
      // What was fetched to be written to is the caller's own.
      writeFileSync(copy, "changed");
      writeFileSync(join(folder, "long"), LONG);
      assert.ok(LONG.equals(await objects.get("long/file")));
      await objects.fetch("long/stream", copy, { readOnly: true });
      assert.equal(statSync(copy).size, LONG.length);
      await assert.rejects(objects.put("long/none", { file: join(folder, "missing") }), /missing/);
    },
  ],
  [
    "put-if-absent: one of many wins, and is told so again",
    async (objects) => {
      const offers = Array.from({ length: 8 }, (_, i) => bytes(`offer ${i}`));
      const won = await Promise.all(offers.map((offer) => objects.putIfAbsent("p/plan.json", offer)));
      assert.equal(won.filter(Boolean).length, 1);
      const winner = offers[won.indexOf(true)];
      assert.ok(winner?.equals(await objects.get("p/plan.json")));
      assert.equal(await objects.putIfAbsent("p/plan.json", winner ?? bytes("")), true);
      assert.equal(await objects.putIfAbsent("p/plan.json", bytes("late")), false);
    },
  ],
  [
    "nothing is visible of a stream that fails",
    async (objects) => {
      async function* failing() {
        yield LONG;
        throw new Error("the source broke");
      }
      await objects.put("f", bytes("before"));
      await assert.rejects(objects.put("f", failing()), /the source broke/);
      await assert.rejects(objects.put("g", failing()), /the source broke/);
      assert.equal(String(await objects.get("f")), "before");
      assert.deepEqual(await namesOf(objects, ""), ["f"]);
    },
  ],
  [
    "names that could lead out of the store are refused",
    async (objects) => {
      for (const name of ["", "../a", "a/../b", "/a", "a//b", "a/", ".hidden"])
        await assert.rejects(objects.put(name, bytes("")), /not a name of an object/);
    },
  ],
];

let stores = 0;
for (const [name, check] of contract) {
  test(`local: ${name}`, async (t) => {
    const root = join(folder, `store-${++stores}`);
    await check(await openObjects(root), t);
    const left = existsSync(root) ? readdirSync(root, { recursive: true }) : [];
    assert.deepEqual(
      left.filter((file) => String(file).includes(".tmp")),
      [],
      "no temporary files stay",
    );
  });
}

if (typeof moto !== "string" && proxy !== undefined) {
  const bad = proxy;
  const s3 = async () => openObjects(`s3://${await moto.bucket()}/some/prefix/`);
  for (const [name, check] of contract) test(`S3: ${name}`, async (t) => check(await s3(), t));

  const slow = {
    status: 503,
    body: "<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>",
  };
  const { troubles, asked } = bad;

  test("S3: a busy server is asked again, in every call", async () => {
    const calls: [string, (objects: Objects) => Promise<unknown>, unknown][] = [
      ["put", (objects) => objects.put("b", bytes("b")), undefined],
      ["long put", (objects) => objects.put("long", LONG), undefined],
      ["put-if-absent", (objects) => objects.putIfAbsent("p", bytes("p")), true],
      ["get", (objects) => objects.get("a"), bytes("a")],
      ["stat", async (objects) => (await objects.stat("a"))?.size, 1],
      ["list", (objects) => namesOf(objects, ""), ["a"]],
      ["delete", (objects) => objects.delete("a"), undefined],
    ];
    // A bucket each and all at once: what takes time is the waiting.
    const left = calls.map(async ([name, call, expected]) => {
      const bucket = await moto.bucket();
      const objects = await openObjects(`s3://${bucket}/some/prefix/`);
      await objects.put("a", bytes("a"));
      const own = [slow, { status: 500, body: "" }, slow];
      bad.bucketTroubles.set(bucket, own);
      assert.deepEqual(await call(objects), expected, name);
      assert.equal(own.length, 0, name);
      if (name === "long put") assert.ok(LONG.equals(await objects.get("long")));
      return namesOf(objects, "");
    });
    assert.deepEqual(await Promise.all(left), [["a", "b"], ["a", "long"], ["a", "p"], ["a"], ["a"], ["a"], []]);
  });

  test("S3: connections that break: reading goes on at the byte, lost answers do no harm", async () => {
    const objects = await s3();
    troubles.push({ breakAfter: 0 });
    await objects.put("long", LONG);
    bad.matches = (method) => method === "GET";
    troubles.push({ breakAfter: 5_000_000 }, { breakAfter: 1 }, { breakAfter: 0 });
    assert.ok(LONG.equals(await objects.get("long")));
    assert.equal(troubles.length, 0);
    bad.matches = () => true;
    // The server has it, the answer is lost, the second try meets the first one's object.
    troubles.push({ breakAfter: 0 });
    assert.equal(await objects.putIfAbsent("p", bytes("mine")), true);
  });

  test("S3: an object that changes while it is read is an error, a refusal is told at once", async () => {
    const objects = await s3();
    await objects.put("long", LONG);
    bad.matches = (method) => method === "GET";
    troubles.push({ breakAfter: 100_000 });
    const reading = objects.read("long")[Symbol.asyncIterator]();
    await reading.next();
    await objects.put("long", Buffer.alloc(LONG.length));
    const rest = async () => {
      while (!(await reading.next()).done);
    };
    await assert.rejects(rest(), /long: it changed while it was read/);
    bad.matches = () => true;
    const before = asked.length;
    troubles.push({ status: 403, body: "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>" });
    await assert.rejects(objects.get("long"), /s3:\/\/.*\/long: Access Denied, AccessDenied, status 403/);
    assert.equal(asked.length, before + 1);
    const nowhere = await openObjects("s3://no-such-bucket-here");
    await assert.rejects(nowhere.put("a", bytes("")), /s3:\/\/no-such-bucket-here\/a: .*NoSuchBucket/);
  });
}

test("places that are none", async () => {
  await assert.rejects(openObjects("gs://bucket/x"), /gs:\/\/bucket\/x: expected a folder or s3:\/\/BUCKET\/PREFIX/);
  await assert.rejects(openObjects("s3:///x"), /expected a folder or s3:/);
});
