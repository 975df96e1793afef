/**
 * Fetching beside img2dataset 1.47.0 and a Python client that shares its TLS context: same loopback server, same pictures,
 * the client pinned to one core, CPU seconds (user and system, with all child processes) per picture.
 * `npm run bench:fetch`. Needs openssl-made certificates of test/fixtures/tls and Linux's taskset.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { getCACertificates } from "node:tls";
import manifest from "../package.json" with { type: "json" };
import { ensureVenv } from "../store/python.ts";

/** Over https a connection costs ten times all else; over http V8's compiling is half the cost of the first 10,000. */
const FETCHES = { https: 10_000, http: 50_000 };
const PICTURES = 1_000;
const REPEATS = 3;
/** img2dataset loads the root certificates for each https request: fewer are enough to see it. */
const SLOW = 300;
const RESIZE = 256;
const QUALITY = 90;
const CLIENT_CORE = "0";
const SERVER_CORE = "1";
const AUTHORITY = "test/fixtures/tls/authority.pem";

const say = (text: string) => process.stderr.write(`${text}\n`);
const folder = mkdtempSync(join(tmpdir(), "wit-bench-fetch-"));

interface Ports {
  http: number;
  https: number;
}

interface Usage {
  cpu: number;
  ok: number;
}

function startServer(): Promise<{ server: ChildProcess; ports: Ports }> {
  const server = spawn("taskset", ["-c", SERVER_CORE, process.execPath, "bench/fetch-server.ts"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  return new Promise((resolve, reject) => {
    if (server.stdout)
      createInterface({ input: server.stdout }).once("line", (line) => resolve({ server, ports: JSON.parse(line) }));
    server.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
  });
}

/** Runs a program on the client's core and returns its last line, which is JSON. */
function client(program: string, args: string[]): Usage {
  const env = {
    ...process.env,
    SSL_CERT_FILE: join(folder, "roots.pem"),
    NODE_EXTRA_CA_CERTS: AUTHORITY,
    NO_ALBUMENTATIONS_UPDATE: "1",
  };
  const { status, stdout, stderr } = spawnSync("taskset", ["-c", CLIENT_CORE, program, ...args], {
    encoding: "utf8",
    env,
    maxBuffer: 1e9,
  });
  const line = stdout.trim().split("\n").at(-1) ?? "";
  if (status !== 0 || !line.startsWith("{"))
    throw new Error(`${program} ${args.join(" ")}: ${status}\n${stdout}\n${stderr}`);
  return JSON.parse(line);
}

/**
 * CPU of a whole program in milliseconds a picture, less what it needs for one picture only. The best of a few runs: other work on the
 * machine only ever adds.
 */
function perPicture(run: (count: number) => Usage, count: number): number {
  const best = (pictures: number) => {
    const runs = Array.from({ length: REPEATS }, () => run(pictures));
    for (const { ok } of runs) if (ok < pictures) throw new Error(`${ok} of ${pictures} pictures`);
    return Math.min(...runs.map(({ cpu }) => cpu));
  };
  return ((best(count) - best(1)) / (count - 1)) * 1000;
}

function list(scheme: "http" | "https", ports: Ports, count: number): string {
  const file = join(folder, `${scheme}-${count}.csv`);
  const rows = Array.from(
    { length: count },
    (_, i) => `${scheme}://localhost:${ports[scheme]}/${i}.jpg,A drawing of an apple and a horse ${i}`,
  );
  writeFileSync(file, ["url,caption", ...rows, ""].join("\n"));
  return file;
}

/** Our crawl to the finished shards, on a workspace where the pairs were found and chosen before. */
function ourPictures(scheme: "http" | "https", ports: Ports): (count: number) => Usage {
  return (count) => {
    const data = join(folder, `data-${scheme}-${count}`);
    rmSync(data, { recursive: true, force: true });
    const limits = join(folder, "limits.tsv");
    writeFileSync(limits, "127.0.0.0/8 0 1000000 64\n");
    const common = ["cli.ts", "--data", data, "--quiet"];
    const [program = "", ...shared] = common;
    const options = [
      "--urls",
      list(scheme, ports, count),
      "--allow-private",
      "127.0.0.0/8",
      "--host-limits",
      limits,
      "--resize",
      String(RESIZE),
      "--quality",
      String(QUALITY),
    ];
    for (const stage of ["discover", "select"]) {
      const { status, stderr } = spawnSync(process.execPath, [program, stage, ...shared, ...options], {
        encoding: "utf8",
      });
      if (status !== 0) throw new Error(stderr);
    }
    return client("python3", ["bench/fetch_usage.py", process.execPath, program, "crawl", ...shared, "--json"]);
  };
}

const python = ensureVenv("bench/.venv-fetch", "bench/fetch-requirements.txt", say);
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, "roots.pem"), [...getCACertificates("bundled"), readFileSync(AUTHORITY, "utf8")].join("\n"));
const { server, ports } = await startServer();
const peer = (what: string, ...args: (string | number)[]) =>
  client(python, ["bench/fetch_peer.py", what, ...args.map(String)]);
const rows: (string | number)[][] = [];
const row = (what: string, ours: number, theirs: number, who: string) => {
  const each = [ours, theirs].map((ms) => ms.toFixed(2));
  rows.push([what, ...each, Math.round(1000 / ours), Math.round(1000 / theirs), who, (theirs / ours).toFixed(2)]);
  say(rows.at(-1)?.join("  ") ?? "");
};
try {
  for (const scheme of ["https", "http"] as const) {
    // Over https every picture is on a host of its own; over http one host that keeps connections open, which img2dataset does not use.
    const [name, path] =
      scheme === "https" ? ["https, a host for each, bytes only", "close/"] : ["http, one host, bytes only", ""];
    const fetches = FETCHES[scheme];
    const args = [scheme, String(ports[scheme]), path];
    const ours = perPicture((n) => client(process.execPath, ["bench/fetch-client.ts", ...args, String(n)]), fetches);
    const base = `${scheme}://localhost:${ports[scheme]}/${path}`;
    row(
      name,
      ours,
      perPicture((n) => peer("img2dataset", base, n), scheme === "https" ? SLOW : fetches),
      "img2dataset",
    );
    if (scheme === "https")
      row(
        name,
        ours,
        perPicture((n) => peer("shared-context", base, n), fetches),
        "urllib, one TLS context",
      );
    const count = scheme === "https" ? SLOW : PICTURES;
    const pictures = perPicture(ourPictures(scheme, ports), PICTURES);
    const theirs = perPicture((n) => {
      const out = join(folder, `i2d-${scheme}-${n}`);
      rmSync(out, { recursive: true, force: true });
      return peer("dataset", list(scheme, ports, n), out, RESIZE, QUALITY);
    }, count);
    row(`${scheme}, decode + resize ${RESIZE} + encode, shards`, pictures, theirs, "img2dataset");
  }
} finally {
  server.kill("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
}
console.log(
  `webimagetext ${manifest.version}, node ${process.version}; ${FETCHES.https} fetches over https and ${FETCHES.http} over http, ${PICTURES} pictures; ms of CPU each, and how many in a CPU second`,
);
console.log(["what", "ours ms", "peer's ms", "ours /s", "peer's /s", "peer", "ratio"].join("\t"));
for (const line of rows) console.log(line.join("\t"));
