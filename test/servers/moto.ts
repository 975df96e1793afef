import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { ensureVenv } from "../../store/python.ts";

/** A running S3 of moto's, empty at first. */
export interface Moto {
  endpoint: string;
  /** What a program needs in its environment to talk to it. */
  env: Record<string, string>;
  /** Makes a bucket with a new name. */
  bucket: () => Promise<string>;
  close: () => void;
}

/**
 * Installs moto in an environment of its own and starts its server.
 * @returns a sentence that says why not, when it cannot be had here.
 * @throws Error instead, where CI=true.
 */
export async function startMoto(): Promise<Moto | string> {
  let python: string;
  try {
    python = ensureVenv("test/.venv-moto", "test/servers/moto-requirements.txt", console.log);
  } catch (error) {
    if (process.env["CI"] === "true") throw error;
    return `moto cannot be installed: ${(error as Error).message}`;
  }
  const child = spawn(python, [join(import.meta.dirname, "moto_server.py")], { stdio: ["ignore", "ignore", "pipe"] });
  const port = await new Promise<string>((resolve, reject) => {
    let said = "";
    child.stderr.on("data", (chunk) => {
      // Its log goes on and on; only its beginning is of interest.
      if (said.length < 10_000) said += chunk;
      const found = /Running on http:\/\/127\.0\.0\.1:(\d+)/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once("exit", () => reject(new Error(`moto's server ended: ${said}`)));
  });
  const endpoint = `http://127.0.0.1:${port}`;
  return {
    endpoint,
    env: {
      AWS_ENDPOINT_URL: endpoint,
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
      AWS_REGION: "us-east-1",
      AWS_EC2_METADATA_DISABLED: "true",
    },
    bucket: async () => {
      const name = `b-${randomUUID()}`;
      const answer = await fetch(`${endpoint}/${name}`, { method: "PUT" });
      if (!answer.ok) throw new Error(`no bucket: status ${answer.status}`);
      return name;
    },
    close: () => void child.kill(),
  };
}
