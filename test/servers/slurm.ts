import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { temporaryFolder } from "../folder.ts";
import { debianPackages, hasProgram } from "./debian.ts";
import { freePort } from "./free-port.ts";
import { cutPower, processesWith } from "./processes.ts";

/** A running Slurm: a controller and nodes of two processors each, all on this machine and of this user. */
export interface Slurm {
  version: string;
  /** What a program needs in its environment to talk to it. */
  env: Record<string, string>;
  /** Every process of a node's ends at once, its jobs' too; it stays away. */
  lose: (node: string) => void;
  /** The nodes that each have a job running. */
  busyNodes: () => string[];
  close: () => void;
}

const NODES = ["n1", "n2"];

/**
 * Starts Debian's Slurm in a folder of its own.
 * @returns a sentence that says why not, when it cannot be had here.
 */
export async function startSlurm(): Promise<Slurm | string> {
  const missing = debianPackages(["slurm-wlm", "munge"], () => ["slurmctld", "slurmd", "munged"].every(hasProgram));
  if (missing) return missing;
  const folder = temporaryFolder("slurm");
  // munged wants that everybody can reach its socket.
  chmodSync(folder, 0o711);
  const conf = join(folder, "slurm.conf");
  for (const name of ["state", "spool/n1", "spool/n2"]) mkdirSync(join(folder, name), { recursive: true });
  // Without it slurmd looks for a mount that containers have not.
  writeFileSync(join(folder, "cgroup.conf"), "CgroupPlugin=cgroup/v1\n");
  writeFileSync(join(folder, "munge.key"), randomBytes(128), { mode: 0o600 });
  writeFileSync(conf, await configuration(folder));
  const env = { SLURM_CONF: conf, PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` };
  const children: ChildProcess[] = [];
  const start = (program: string, args: string[], more: Record<string, string> = {}) => {
    const log = openSync(join(folder, `${[program, ...Object.values(more)].join("-")}.log`), "a");
    children.push(spawn(program, args, { stdio: ["ignore", log, log], env: { ...process.env, ...env, ...more } }));
  };
  const files = {
    key: "munge.key",
    socket: "munge.sock",
    "pid-file": "munge.pid",
    "log-file": "munge.log",
    "seed-file": "munge.seed",
  };
  const mungeArgs = Object.entries(files).map(
    ([name, file]) => `--${name === "key" ? "key-file" : name}=${join(folder, file)}`,
  );
  start("munged", ["--foreground", ...mungeArgs]);
  start("slurmctld", ["-D"]);
  for (const node of NODES) start("slurmd", ["-D", "-N", node], { WIT_NODE: node });
  const close = () => cutPower(() => processesWith(`SLURM_CONF=${conf}`).filter((pid) => pid !== process.pid));
  const ask = (program: string, ...args: string[]) =>
    spawnSync(program, args, { encoding: "utf8", env: { ...process.env, ...env } }).stdout.trim();
  const idle = () => ask("sinfo", "--noheader", "--format=%t %D") === `idle ${NODES.length}`;
  for (let tries = 0; !idle(); tries++) {
    if (tries > 300 || children.some(({ exitCode }) => exitCode !== null)) {
      const logs = ["slurmctld", ...NODES.map((node) => `slurmd-${node}`), "munged"];
      const said = logs.map((name) => `${name}: ${readFileSync(join(folder, `${name}.log`), "utf8").slice(-2_000)}`);
      close();
      throw new Error(`Slurm does not start: ${said.join("\n")}`);
    }
    await sleep(200);
  }
  return {
    version: ask("sinfo", "--version"),
    env,
    lose: (node) =>
      cutPower(() =>
        ["WIT_NODE", "SLURMD_NODENAME"].flatMap((name) => processesWith(`SLURM_CONF=${conf}`, `${name}=${node}`)),
      ),
    busyNodes: () => {
      const nodes = ask("squeue", "--noheader", "--states=running", "--format=%N").split("\n");
      return [...new Set(nodes)].filter((node) => node !== "").sort();
    },
    close,
  };
}

async function configuration(folder: string): Promise<string> {
  const host = hostname().split(".")[0];
  const user = userInfo().username;
  const nodes = await Promise.all(
    NODES.map(
      async (node) =>
        `NodeName=${node} NodeHostname=${host} NodeAddr=127.0.0.1 Port=${await freePort()} CPUs=2 RealMemory=1000`,
    ),
  );
  return `ClusterName=test
SlurmctldHost=${host}(127.0.0.1)
SlurmctldPort=${await freePort()}
AuthType=auth/munge
# What is lost with a node waits for its credential to expire before it is queued again: two minutes as a rule.
AuthInfo=socket=${join(folder, "munge.sock")},cred_expire=10
SlurmUser=${user}
SlurmdUser=${user}
StateSaveLocation=${join(folder, "state")}
SlurmdSpoolDir=${join(folder, "spool", "%n")}
SlurmdPidFile=${join(folder, "%n.pid")}
SlurmctldPidFile=${join(folder, "slurmctld.pid")}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
JobRequeue=1
SlurmdTimeout=10
ReturnToService=2
MinJobAge=3600
${nodes.join("\n")}
PartitionName=main Nodes=${NODES.join(",")} Default=YES MaxTime=INFINITE State=UP
`;
}
