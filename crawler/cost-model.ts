import { UsageError } from "../store/usage-error.ts";

/** What a build is reckoned from; docs/cluster.md says where each figure comes from. */
export interface Figures {
  /** Of a WAT file: bytes, core-seconds to read, judge and match it, and pairs that come out matched. */
  watBytes: number;
  watSeconds: number;
  watMatched: number;
  /** Rows of a list that match a query in the language asked for, and core-seconds a row. */
  rowMatched: number;
  rowSeconds: number;
  /** Part of the pictures that cannot be had, and of those had that pass the picture rules. */
  linkRot: number;
  pictureKept: number;
  /** Bytes of a picture as sent, and core-seconds to fetch, decode and store one, or to fail. */
  pictureBytes: number;
  pictureSeconds: number;
  /** Bytes of a picture as stored. */
  storedBytes: number;
  /** Part of the pictures that lie on the largest registered domain. */
  hotHost: number;
}

/** Where nothing was measured: Common Crawl, English, 256 pixels. */
export const DEFAULTS: Figures = {
  watBytes: 0.29 * 2 ** 30,
  watSeconds: 50,
  watMatched: 13_500,
  rowMatched: 0.5,
  rowSeconds: 4e-6,
  linkRot: 0.23,
  pictureKept: 0.8,
  pictureBytes: 130_000,
  pictureSeconds: 1 / 175,
  storedBytes: 25_000,
  hotHost: 0.005,
};

/** What is to be built, on what. */
export interface Order {
  watFiles: number;
  listRows: number;
  cap: number;
  /** Processor cores, bits a second into all machines together, and money. */
  cores: number;
  bandwidth: number;
  corePrice: number;
  storagePrice: number;
  /** Picture starts a second that one registered domain is asked for. */
  hostRate: number;
  /** Pairs kept of so many that match and have a picture; a sample knows better than the usual law. */
  keptOf?: (pairs: number) => number;
}

/** A stage's share. */
export interface Share {
  stage: string;
  items: number;
  coreHours: number;
  /** Bytes that come in. */
  bytes: number;
  /** By what takes longest: cores, the net, or one host. */
  hours: number;
  limit: "cores" | "net" | "hot host";
}

/** What a build costs. */
export interface Costs {
  matched: number;
  attempts: number;
  kept: number;
  stages: Share[];
  coreHours: number;
  hours: number;
  bytesIn: number;
  storedBytes: number;
  money: number;
  storagePerMonth: number;
  /** Days that the largest domain takes at its rate. */
  hotHostDays: number;
  ranks: number;
}

/** MetaCLIP's: 1.6 billion matched pairs leave 400 million at 20,000 a query; both grow in proportion to the cap. */
const LAW = { matched: 1.6e9, kept: 4e8, power: 0.48, cap: 20_000 };
/** A rank should take some minutes at least, an hour at most, and there should be eight a core. */
const [RANK_SECONDS, RANKS_A_CORE] = [1_800, 8];

/** Common Crawl has some millions. */
const MOST_FILES = 1e8;

/** Pairs that stay of so many that match, under a cap. */
export function keptUnderCap(matched: number, cap: number): number {
  const scale = cap / LAW.cap;
  return Math.min(matched, scale * LAW.kept * (matched / scale / LAW.matched) ** LAW.power);
}

/**
 * The WAT files that are needed for so many pairs: the other way round.
 * @throws UsageError when no number of them is enough.
 */
export function watFilesFor(kept: number, order: Pick<Order, "cap" | "keptOf">, figures: Figures): number {
  const good = (1 - figures.linkRot) * figures.pictureKept;
  const keptOf = order.keptOf ?? ((pairs: number) => keptUnderCap(pairs, order.cap));
  let [low, high] = [0, 1];
  const enough = (files: number) => keptOf(files * figures.watMatched * good) >= kept;
  while (!enough(high)) {
    high *= 2;
    if (high > MOST_FILES)
      throw new UsageError(
        `--pairs ${kept}: these queries never come to so many under a cap of ${order.cap}: raise --cap, or take a longer query list`,
      );
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (enough(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** What it takes; the exact cap lets others move up for pictures that fail, so it holds of those that can be had. */
export function costsOf(order: Order, figures: Figures): Costs {
  const { watFiles, listRows, cap, cores, bandwidth, corePrice, storagePrice, hostRate } = order;
  const matched = watFiles * figures.watMatched + listRows * figures.rowMatched;
  const good = (1 - figures.linkRot) * figures.pictureKept;
  const kept = (order.keptOf ?? ((pairs: number) => keptUnderCap(pairs, cap)))(matched * good);
  const attempts = kept / good;
  const arrived = attempts * (1 - figures.linkRot);
  const hotSeconds = (attempts * figures.hotHost) / hostRate;
  const stage = (name: string, items: number, coreSeconds: number, bytes: number, atLeast = 0): Share => {
    const byCores = coreSeconds / cores;
    const byNet = (bytes * 8) / bandwidth;
    const seconds = Math.max(byCores, byNet, atLeast);
    const limit = seconds === byCores ? "cores" : seconds === byNet ? "net" : "hot host";
    return { stage: name, items, coreHours: coreSeconds / 3_600, bytes, hours: seconds / 3_600, limit };
  };
  const readSeconds = watFiles * figures.watSeconds + listRows * figures.rowSeconds;
  const stages = [
    stage("discover", watFiles + listRows, readSeconds, watFiles * figures.watBytes),
    stage("download", attempts, attempts * figures.pictureSeconds, arrived * figures.pictureBytes, hotSeconds),
  ];
  const coreHours = stages.reduce((sum, one) => sum + one.coreHours, 0);
  const storedBytes = kept * figures.storedBytes;
  return {
    matched,
    attempts,
    kept,
    stages,
    coreHours,
    hours: stages.reduce((sum, one) => sum + one.hours, 0),
    bytesIn: stages.reduce((sum, one) => sum + one.bytes, 0),
    storedBytes,
    money: coreHours * corePrice,
    storagePerMonth: (storedBytes / 1e12) * storagePrice,
    hotHostDays: hotSeconds / 86_400,
    ranks: Math.min(Math.max(RANKS_A_CORE * cores, Math.ceil((coreHours * 3_600) / RANK_SECONDS), 1), 100_000),
  };
}
