import { spawn } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Database, getMeta, setMeta } from "../store/database.ts";

/** The sample web as its process announces it. */
interface Announcement {
  port: number;
  seeds: string[];
  resolve: string[];
  hostLimits: string;
}

/** A running sample web, and the options under which it is crawled. */
export interface RunningSampleWeb {
  seeds: string[];
  resolve: string[];
  hostLimits: string;
  close: () => void;
}

const PROGRAM = fileURLToPath(new URL("../test/servers/sample-web/main.ts", import.meta.url));
const USUAL_PORT = 8571;

/**
 * Starts the sample web for a workspace, which keeps its port, since addresses hold it: a run that is taken up again must
 * find the same web.
 * @throws Error when it cannot be started, or the workspace's port is taken.
 */
export async function startSampleWeb(db: Database, data: string): Promise<RunningSampleWeb> {
  const before = getMeta(db, "sample_web_port");
  const web = await startSampleWebOn(before === undefined ? undefined : Number(before));
  setMeta(db, "sample_web_port", String(web.port));
  mkdirSync(data, { recursive: true });
  const hostLimits = join(data, "sample-web-limits.tsv");
  writeFileSync(hostLimits, web.hostLimits);
  return { ...web, hostLimits };
}

/**
 * Starts the sample web in a process of its own.
 * @param port any free one when undefined.
 * @returns with the text of its host limits.
 * @throws Error when it cannot be started, or the port is taken.
 */
export async function startSampleWebOn(port: number | undefined): Promise<Announcement & { close: () => void }> {
  if (!existsSync(PROGRAM))
    throw new Error("the sample web is not part of the installed package: clone the repository to use it");
  const chosen = port ?? (await freePort());
  const child = spawn(process.execPath, [PROGRAM, "--json", "--port", String(chosen)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const close = () => void child.kill("SIGTERM");
  process.once("exit", close);
  const web = await new Promise<Announcement>((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", (line) => resolve(JSON.parse(line)));
    child.once("error", reject);
    child.once("exit", (code) =>
      reject(
        new Error(
          `the sample web did not start on port ${chosen} (exit code ${code}): is the port taken? Another --data chooses another`,
        ),
      ),
    );
  });
  return { ...web, close };
}

/** Its pages hang on one another like beads. */
export const SAMPLE_WEB_DEPTH = 1_000;

/** The usual port, or any other when that is taken. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", () => probe.listen(0, "127.0.0.1"));
    probe.once("listening", () => {
      const address = probe.address();
      if (address === null || typeof address === "string") return reject(new Error("no port on 127.0.0.1 can be had"));
      probe.close(() => resolve(address.port));
    });
    probe.listen(USUAL_PORT, "127.0.0.1");
  });
}
