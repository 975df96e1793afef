import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, test } from "node:test";
import { HttpClient } from "../../../crawler/http.ts";
import { inputOf } from "../../../crawler/sources/input.ts";
import { run, useShortList } from "../../cli.ts";
import { temporaryFolder } from "../../folder.ts";

const folder = temporaryFolder("s3-input");
const LIST = Buffer.from("url,caption\nhttp://a.example/1.jpg,a small dog\nhttp://a.example/2.jpg,a small cat\n");

/** A server with two buckets: `open` answers everybody, `private` only requests that are signed. */
const asked: string[] = [];
let version = '"1"';
const server = createServer((request, response) => {
  const signed = /^AWS4-HMAC-SHA256 Credential=someone\//.test(request.headers.authorization ?? "");
  asked.push(`${signed ? "signed" : "unsigned"} ${request.url?.split("?")[0]}`);
  if (!/^\/(open|private)\/lists\/a\.csv/.test(request.url ?? "")) return void response.writeHead(404).end();
  if (!signed && request.url?.startsWith("/private/")) return void response.writeHead(403).end();
  if (request.headers["if-match"] !== undefined && request.headers["if-match"] !== version)
    return void response.writeHead(412).end();
  response.writeHead(200, { etag: version, "content-length": String(LIST.length) }).end(LIST);
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
after(() => server.close());

const noCredentials = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("AWS_")));
const env = {
  ...noCredentials,
  HOME: folder,
  AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  AWS_EC2_METADATA_DISABLED: "true",
};
const withKey = { ...env, AWS_ACCESS_KEY_ID: "someone", AWS_SECRET_ACCESS_KEY: "secret" };

async function discover(name: string, list: string, env: NodeJS.ProcessEnv) {
  const data = join(folder, name);
  useShortList(data, ["small", "dog"]);
  return run(["discover", "--data", data, "--urls", list, "--user-agent", "test", "--json", "--quiet"], { env });
}

test("a list in a bucket is read signed where there are credentials", async () => {
  const { code, out, error } = await discover("signed", "s3://private/lists/a.csv", withKey);
  assert.equal(code, 0, error);
  assert.match(out, /"candidate":2/);
  assert.deepEqual(new Set(asked.splice(0)), new Set(["signed /private/lists/a.csv"]));
});

test("without credentials what is open is read, and a refusal names the object", async () => {
  assert.equal((await discover("open", "s3://open/lists/a.csv", env)).code, 0);
  assert.deepEqual(new Set(asked.splice(0)), new Set(["unsigned /open/lists/a.csv"]));
  const refused = await discover("refused", "s3://private/lists/a.csv", env);
  assert.equal(refused.code, 1);
  assert.match(refused.error, /error: s3:\/\/private\/lists\/a\.csv: .*403/);
  const missing = await discover("missing", "s3://open/lists/b.csv", withKey);
  assert.equal(missing.code, 1);
  assert.match(missing.error, /error: s3:\/\/open\/lists\/b\.csv: .*404/);
});

test("an object that changes between two reads of it is an error that names it", async (t) => {
  Object.assign(process.env, withKey);
  const http = new HttpClient({ userAgent: "test", allowPrivate: [], resolve: [] });
  t.after(() => http.close());
  const input = inputOf("s3://private/lists/a.csv", http);
  assert.deepEqual(await input.read(0, LIST.length), LIST);
  assert.deepEqual(await input.read(0, LIST.length), LIST);
  version = '"2"';
  await assert.rejects(
    input.read(0, LIST.length),
    /^Error: s3:\/\/private\/lists\/a\.csv: it changed while it was read/,
  );
});
