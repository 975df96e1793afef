import { UsageError } from "../store/usage-error.ts";
import { type Costs, costsOf, DEFAULTS, type Figures, type Order, watFilesFor } from "./cost-model.ts";
import { measure, type Sample } from "./cost-sample.ts";

/** Options of `npm run plan`. */
export interface PlanFlags extends Partial<Figures> {
  data: string;
  json: boolean;
  sample?: string;
  pairs?: number;
  watFiles?: number;
  listRows?: number;
  cap: number;
  workers: number;
  gbit: number;
  corePrice: number;
  storagePrice: number;
  hostRate: number;
  resize: number;
}

/** Bytes of a stored picture grow so with its side: 25 kB at 256 pixels, 41 kB at 384. */
const SIDE_POWER = 1.22;

/** `npm run plan`: what a build costs, before it is begun. */
export async function planCommand(flags: PlanFlags): Promise<void> {
  const { sample, pairs, listRows = 0, cap, workers, gbit, corePrice, storagePrice, hostRate } = flags;
  if (pairs === undefined && flags.watFiles === undefined && listRows === 0)
    throw new UsageError("what is to be built? Give --pairs N, --wat-files N or --list-rows N");
  if (pairs !== undefined && (flags.watFiles !== undefined || listRows > 0))
    throw new UsageError("--pairs says how much is wanted, --wat-files and --list-rows what there is: give one");
  const measured = sample === undefined ? undefined : await measure(sample, cap);
  const names = Object.keys(DEFAULTS) as (keyof Figures)[];
  const told = Object.fromEntries(names.filter((name) => flags[name] !== undefined).map((name) => [name, flags[name]]));
  const sized = { ...DEFAULTS, storedBytes: DEFAULTS.storedBytes * (flags.resize / 256) ** SIDE_POWER };
  const figures: Figures = { ...sized, ...measured?.figures, ...told };
  const rest = { cap, cores: workers, bandwidth: gbit * 1e9, corePrice, storagePrice, hostRate };
  const keptOf = measured?.keptOf;
  const order: Order = { ...rest, watFiles: flags.watFiles ?? 0, listRows, ...(keptOf ? { keptOf } : {}) };
  if (pairs !== undefined) order.watFiles = watFilesFor(pairs, order, figures);
  const costs = costsOf(order, figures);
  const from = (name: keyof Figures) =>
    name in told ? "told" : name in (measured?.figures ?? {}) ? "measured" : "usual";
  if (flags.json) {
    const { keptOf: _, ...asked } = order;
    const origins = Object.fromEntries(names.map((name) => [name, from(name)]));
    console.log(JSON.stringify({ order: asked, figures, from: origins, costs, hosts: measured?.hosts ?? [] }));
  } else {
    console.log(formatPlan(order, figures, from, costs, measured?.hosts ?? []));
  }
}

function formatPlan(
  order: Order,
  figures: Figures,
  from: (name: keyof Figures) => string,
  costs: Costs,
  hosts: Sample["hosts"],
): string {
  const { cores, bandwidth, cap, watFiles, listRows, hostRate } = order;
  const inputs = [
    ...(watFiles > 0 ? [`${count(watFiles)} WAT files`] : []),
    ...(listRows > 0 ? [`${count(listRows)} rows of lists`] : []),
  ];
  const lines = [
    `${inputs.join(" and ")}: ${count(costs.matched)} pairs match, ${count(costs.attempts)} pictures are asked for, ${count(costs.kept)} are kept under the cap of ${cap.toLocaleString("en")}`,
    "",
    `stage        core-hours        in   on ${cores} cores, ${bandwidth / 1e9} Gbit/s`,
    ...costs.stages.map(
      ({ stage, coreHours, bytes, hours, limit }) =>
        `${stage.padEnd(12)} ${count(coreHours).padStart(10)}  ${size(bytes).padStart(8)}   ${time(hours)} (limited by ${{ "hot host": "the largest host", net: "the net", cores: "the cores" }[limit]})`,
    ),
    `${"together".padEnd(12)} ${count(costs.coreHours).padStart(10)}  ${size(costs.bytesIn).padStart(8)}   ${time(costs.hours)}`,
    "",
    `money        ${costs.money.toFixed(0)} for the cores; ${costs.storagePerMonth.toFixed(0)} a month for ${size(costs.storedBytes)} of data set`,
    `hot hosts    ${(figures.hotHost * 100).toFixed(2)}% of the pictures lie on one domain: ${time(costs.hotHostDays * 24)} at ${hostRate} a second (docs/host-limits.md)`,
    ...hosts.map(({ host, part }) => {
      const hours = (costs.attempts * part) / hostRate / 3_600;
      return `             ${host.padEnd(30)} ${(part * 100).toFixed(2).padStart(6)}%  ${time(hours)}`;
    }),
    `ranks        --ranks ${costs.ranks}`,
    "",
    "Reckoned with",
    ...(Object.keys(LABELS) as (keyof Figures)[]).map(
      (name) => `  ${from(name).padEnd(9)} ${LABELS[name].padEnd(48)} ${Number(figures[name].toPrecision(4))}`,
    ),
  ];
  return lines.join("\n");
}

const LABELS: Record<keyof Figures, string> = {
  watBytes: "bytes of a WAT file",
  watSeconds: "core-seconds for a WAT file",
  watMatched: "pairs of a WAT file that match",
  rowMatched: "part of a list's rows that match",
  rowSeconds: "core-seconds for a row",
  linkRot: "part of the pictures that cannot be had",
  pictureKept: "part of the others that pass the picture rules",
  pictureBytes: "bytes of a picture as sent",
  pictureSeconds: "core-seconds for a picture",
  storedBytes: "bytes of a picture as stored",
  hotHost: "part of the pictures on the largest domain",
};

function count(n: number): string {
  if (n >= 1e9) return `${(n / 1e9).toFixed(2)} billion`;
  if (n >= 1e6) return `${(n / 1e6).toFixed(1)} million`;
  return n >= 100 || n === 0 ? Math.round(n).toLocaleString("en") : Number(n.toPrecision(2)).toString();
}

function size(bytes: number): string {
  const step = [1e15, 1e12, 1e9, 1e6].find((unit) => bytes >= unit) ?? 1e3;
  return `${(bytes / step).toFixed(bytes / step < 10 ? 1 : 0)} ${{ 1e15: "PB", 1e12: "TB", 1e9: "GB", 1e6: "MB", 1e3: "kB" }[step]}`;
}

function time(hours: number): string {
  if (hours >= 72) return `${(hours / 24).toFixed(1)} days`;
  return hours >= 2 ? `${hours.toFixed(0)} hours` : `${Math.ceil(hours * 60)} minutes`;
}
