#!/usr/bin/env node
import "./store/runtime.ts";
import "./store/compile-cache.ts";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import type { CrawlFlags } from "./crawler/flags.ts";
import type { ClusterFlags } from "./crawler/ranks/cluster-command.ts";
import { isShared } from "./crawler/ranks/is-shared.ts";
import { rulesHelp } from "./filters/help.ts";
import { parseResize, RESIZE_MODES, STORED_FORMATS } from "./filters/image/resize.ts";
import manifest from "./package.json" with { type: "json" };
import { MIRROR } from "./queries/inputs.ts";
import { explainError } from "./store/disk.ts";
import { EXPORT_FORMATS } from "./store/export/export.ts";
import { UsageError } from "./store/usage-error.ts";

function count(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError("expected a whole number, 0 or more.");
  return value;
}

/** Of an option that may name several: `3`, `3 4`, `3,4`. */
function counts(text: string, before: number[] | undefined): number[] {
  return [...(before ?? []), ...text.split(",").map(count)];
}

function positive(text: string): number {
  if (count(text) === 0) throw new InvalidArgumentError("expected a whole number, 1 or more.");
  return Number(text);
}

function real(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("expected a number.");
  return value;
}

function share(text: string): number {
  const value = real(text);
  if (value < 0 || value > 1) throw new InvalidArgumentError("expected a number from 0 to 1.");
  return value;
}

function percent(text: string): number {
  if (positive(text) > 100) throw new InvalidArgumentError("expected a whole number from 1 to 100.");
  return Number(text);
}

function resizeMode(text: string): string {
  if (!parseResize(text))
    throw new InvalidArgumentError(`expected a number, or one of ${RESIZE_MODES.join(", ")} with :N.`);
  return text;
}

const program = new Command("webimagetext")
  .description(
    "Builds a web-scale data set of captioned images the way CLIP's WebImageText was built, and trains a CLIP on it.",
  )
  .version(manifest.version)
  .exitOverride()
  .showHelpAfterError("(--help shows what it takes)");

function command(name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .option("--data <dir>", "the workspace", "data")
    .option("--quiet", "no progress", false)
    .exitOverride()
    .showHelpAfterError("(--help shows what it takes)");
}

/** Options of the stages that judge captions. */
function judging(name: string, description: string): Command {
  return command(name, description)
    .option("--profile <name>", "whose rules, see below (first clip, then as before)")
    .option("--lang <code>", "language of the captions, or any (first en, then as before)")
    .addOption(
      new Option("--match <how>", "fold: words, case-folded; metaclip: as MetaCLIP does (first the profile's)").choices(
        ["fold", "metaclip"],
      ),
    )
    .addHelpText("after", rulesHelp);
}

/** Options of the stages that fetch. */
function crawling(name: string, description: string): Command {
  return judging(name, description)
    .option("--seeds <url...>", "pages to start from; the crawl stays on their sites")
    .option("--seeds-file <file>", "the same, one a line")
    .option(
      "--urls <file...>",
      "lists of picture addresses and captions: .csv .tsv .json .jsonl .parquet, remote ones too",
    )
    .option("--url-col <name>", "column of the addresses, when it has no usual name")
    .option("--caption-col <name>", "column of the captions, when it has no usual name")
    .option("--save-cols <name...>", "columns of a list to keep in the samples' json")
    .option("--wat <file...>", "Common Crawl WAT files, or lists of them (wat.paths.gz)")
    .option("--warc <file...>", "WARC files, or lists of them (warc.paths.gz)")
    .option("--cdx <file...>", "CDX index lines: only the records they name are read")
    .option(
      "--archive-base <place>",
      "where the files lie that lists and indexes name (default: Common Crawl's server)",
    )
    .option(
      "--search <name...>",
      "commons, flickr, openverse (or NAME=ADDRESS): asked query by query, least filled first",
    )
    .option("--folder <dir...>", "pictures with .txt or .json beside them")
    .option("--shards-in <glob...>", "WebDataset shards to take in")
    .option("--sample-web", "crawl the sample web, served on this machine")
    .option("--depth <n>", "links to follow from a seed", count, 20)
    .option("--max-pages <n>", "pages to fetch in all", positive, 1_000_000)
    .option("--cap <n>", "most pairs on account of one query (first 20000, then as before)", positive)
    .option("--seed <n>", "seed of every random choice (first 0, then as before)", count)
    .addOption(
      new Option("--balance <how>", "exact: never above the cap; metaclip: its sampling (first the profile's)").choices(
        ["exact", "metaclip"],
      ),
    )
    .option("--captions-per-image <n>", "texts of one picture that stay (first 1, then as before)", positive)
    .option(
      "--resize <size>",
      "N: short side at most N pixels; or none, keep-ratio:N, keep-ratio-largest:N, border:N, center-crop:N (first 256, then as before)",
      resizeMode,
    )
    .addOption(
      new Option("--format <name>", "format of the stored pictures (first jpg, then as before)").choices(
        STORED_FORMATS,
      ),
    )
    .option("--quality <n>", "JPEG or WebP quality, 1 to 100 (first 90, then as before)", percent)
    .option("--retry <reason...>", "try again what was dropped for these reasons, e.g. http_5xx timeout")
    .option("--shard-size <n>", "samples a shard (first 10000, then as before)", positive)
    .option("--max-pages-per-site <n>", "pages to fetch of one site", positive, 100_000)
    .option("--user-agent <text>", "how to introduce ourselves, with a contact; required beyond this machine")
    .option("--allow-private <cidr...>", "address ranges that may be fetched although they are not public", [])
    .option("--resolve <host:port:address...>", "connect to this address for this host, as curl does", [])
    .option("--dns <address...>", "name servers to ask instead of the system's")
    .addOption(
      new Option("--opt-out <what>", "signals against training: obey them, or only record them (first obey)").choices([
        "obey",
        "record",
      ]),
    )
    .option("--host-limits <file>", "lines: HOST seconds-between-pages image-starts-per-second requests-in-flight")
    .option("--time-budget <seconds>", "stop in good order after so long; what is left over is reported", positive)
    .option("--json", "print the result as JSON", false);
}

program.addHelpText("after", "\nFirst time here: `npm start` does everything once, on a small web of its own.");

command("start", "the whole main job on the embedded default: query list, sample web, crawl, shards, report")
  .option("--cap <n>", "most pairs on account of one query (first 20000, then as before)", positive)
  .option("--seed <n>", "seed of every random choice (first 0, then as before)", count)
  .action(async (flags) => (await import("./crawler/start.ts")).startCommand(flags));

command("build-queries", "the query list: words, bigrams and titles of Wikipedia, synsets of WordNet")
  .option("--dump <file...>", "a Wikipedia dump: pages-articles .xml or .xml.bz2, its parts, a glob, or an address")
  .option("--download [date]", "fetch the dump of that day (the newest), and page views, into the cache")
  .option("--pageviews <file...>", "hourly page views, plain or .gz: they choose the titles")
  .option(
    "--counts <file>",
    "word counts, a line `word count` each (.gz, .zst, .bz2 too), instead of the embedded ones",
  )
  .option("--wordnet <dir>", "folder with WordNet's data.noun ... instead of the packaged 3.1")
  .option("--size <n>", "most terms", positive, 500_000)
  .option("--min-count <n>", "words seen less often are left out", positive, 100)
  .addOption(
    new Option("--profile <name>", "whose reading of CLIP's rule").choices(["clip", "metaclip"]).default("clip"),
  )
  .addOption(new Option("--case <rule>", "whether The and the are one term").choices(["fold", "keep"]).default("fold"))
  .option("--lang <code>", "the Wikipedia, by its language", "en")
  .option("--bigram-share <part>", "of the room behind words and synsets, the part of bigrams (0.6217)", share)
  .addOption(new Option("--rank-by <measure>", "what bigrams are ranked by (pmi)").choices(["pmi", "npmi"]))
  .option("--min-pmi <bits>", "bigrams below it are left out (clip 0, metaclip 30)", real)
  .option("--min-pair-count <n>", "so are those seen less often (clip --min-count, metaclip 1)", positive)
  .option("--min-views <n>", "titles with fewer views are left out (70)", positive)
  .option("--pageview-hours <yyyymmddhh...>", "hours that --download fetches, or none (12, one a month)")
  .option("--memory <mb>", "megabytes that counting pairs may take", positive, 1000)
  .option("--threads <n>", "how many (all cores)", positive)
  .option(
    "--rank <n>",
    "only count this rank's parts of --dump into the cache; without, all that is counted is put together",
    count,
  )
  .option("--world <n>", "how many ranks there are (both: else as the array engine says)", positive)
  .option(
    "--cache <dir>",
    "where downloads and finished parts lie, instead of DATA/cache; for ranks one that all share",
  )
  .option("--mirror <url>", "another server of dumps", MIRROR)
  .option("--user-agent <text>", "how --download introduces itself, with a contact")
  .option("--yes", "agree to the size of a download", false)
  .option("--out <file>", "where to write the list, instead of DATA/queries.tsv")
  .addOption(new Option("--export <form>", "also write the bare terms as a JSON array").choices(["json"]))
  .action(async (flags) => (await import("./queries/command.ts")).buildQueriesCommand(flags));

crawling("crawl", "discover, select and download in turns, then shards and report")
  .addOption(
    new Option("--executor <engine>", "share the work out: processes here, or jobs of Slurm or Ray").choices([
      "local",
      "slurm",
      "ray",
    ]),
  )
  .option("--ranks <n>", "parts the work is cut into, for good; about 8 a worker (docs/cluster.md)", positive)
  .option("--workers <n>", "most processes at a time (all cores; Slurm and Ray: as many as they give)", positive)
  .option("--scratch <dir>", "folder on each machine's own disk for unfinished work")
  .option("--ranks-per-job <n>", "ranks one job of Slurm or task of Ray does one after the other", positive)
  .option("--slurm-args <text>", "more options for sbatch, e.g. '--partition=cpu --account=me --time=12:00:00'")
  .option("--wait", "stay until Slurm or Ray is done, and submit again what is lost")
  .option("--print", "only write the plan, and print what an engine is to run, to be edited and run by hand")
  .action(async (flags: CrawlFlags & ClusterFlags) => {
    if (isShared(flags)) await (await import("./crawler/ranks/cluster-command.ts")).clusterCommand(flags);
    else await (await import("./crawler/command.ts")).crawlCommand("crawl", flags);
  });

for (const [name, description] of [
  ["discover", "find pairs and judge their captions"],
  ["select", "choose pairs under the cap"],
  ["download", "fetch the chosen pictures, let others move up for those that fail"],
] as const) {
  crawling(name, description).action(async (flags: CrawlFlags) =>
    (await import("./crawler/command.ts")).crawlCommand(name, flags),
  );
}

command("plan", "what a build costs before it is begun: bytes, core-hours, days, money, ranks")
  .option("--pairs <n>", "pairs to end with; the WAT files they need are worked out", positive)
  .option("--wat-files <n>", "WAT files there are to read", positive)
  .option("--list-rows <n>", "rows of lists there are to read", positive)
  .option("--sample <dir>", "workspace of a small crawl: what is measured in it replaces the usual figures")
  .option("--cap <n>", "most pairs on account of one query", positive, 20_000)
  .option("--resize <n>", "short side of stored pictures", positive, 256)
  .option("--workers <n>", "processor cores", positive, 64)
  .option("--gbit <n>", "gigabits a second into all machines together", real, 10)
  .option("--core-price <money>", "of a core-hour", real, 0.04)
  .option("--storage-price <money>", "of a terabyte a month", real, 23)
  .option("--host-rate <n>", "pictures a second that one domain is asked for", real, 4)
  .option("--link-rot <part>", "of the pictures that cannot be had (0.23: a list of two years)", share)
  .option("--hot-host <part>", "of the pictures on the largest domain (0.005)", share)
  .option("--json", "as JSON", false)
  .action(async (flags) => (await import("./crawler/cost-command.ts")).planCommand(flags));

command("rank", "some ranks of a shared crawl: what engines start; any array engine can")
  .option("--stage <name>", "refuse to do another than this (the next one)")
  .option("--rank <n...>", "ranks to do, instead of the share of this job of an array", counts)
  .option("--world <n>", "ranks of the build, checked", positive)
  .option("--stride <n>", "jobs of the array, where the environment does not tell", positive)
  .option("--scratch <dir>", "folder on this machine's own disk for unfinished work")
  .option("--follow", "all stages to the end, waiting for the other jobs between them", false)
  .addOption(new Option("--worker", "take ranks from the parent process").default(false).hideHelp())
  .action(async (flags) => (await import("./crawler/ranks/rank-command.ts")).rankCommand(flags));

command("status", "how far a shared crawl is: ranks done, running, stalled and failed, from its store alone")
  .option("--watch [seconds]", "look again every so many seconds (5), until it is complete", positive)
  .option("--json", "as JSON", false)
  .action(async (flags) => (await import("./crawler/ranks/status-command.ts")).statusCommand(flags));

command("stats", "the funnel, queries, drop reasons, hosts")
  .option("--query <term>", "one query and its pairs")
  .option("--top <n>", "rows of each table", positive, 10)
  .option("--watch [seconds]", "look again every so many seconds (2), also while a crawl runs", positive)
  .option("--json", "as JSON", false)
  .action(async (flags) => (await import("./store/command.ts")).statsCommand(flags));

command("report", "write DATA/report.html").action(async (flags) =>
  (await import("./store/command.ts")).reportCommand(flags),
);

command("browse", "look at queries and pairs in a web browser, on this machine only")
  .option("--port <n>", "port on 127.0.0.1; 0 for any", count, 8570)
  .action(async (flags) => (await import("./store/command.ts")).browseCommand(flags));

command("remove", "take pairs down: out of the shards now, out of every later run")
  .option("--url <address...>", "a picture, with whatever text, also under other addresses", [])
  .option("--host <host...>", "all pictures of a host and the hosts below it, and all from its pages", [])
  .option("--pair <id...>", "the picture of a pair", [])
  .option("--file <list...>", "any of these, one a line", [])
  .option("--dry-run", "only say how many", false)
  .option("--json", "as JSON", false)
  .action(async (flags) => (await import("./store/command.ts")).removeCommand(flags));

command("export", "the data set in another form, in DATA/export/FORM")
  .addOption(new Option("--to <form>", "what to make").choices(EXPORT_FORMATS).makeOptionMandatory())
  .option("--out <dir>", "another folder")
  .action(async (flags) => (await import("./store/command.ts")).exportCommand(flags));

command("verify", "check every shard, checksum, row, total and the cap; exit code 1 when something is damaged")
  .option("--decode", "decode every picture to its end", false)
  .option("--json", "as JSON", false)
  .action(async (flags) => (await import("./store/command.ts")).verifyCommand(flags));

judging("explain", "why a caption, a pair or the pairs of an address are kept or dropped")
  .argument("[text]", "a caption, a pair id or an address")
  .option("--stdin", "read captions, one a line; print a JSON object each", false)
  .action(async (text, flags) => (await import("./crawler/explain.ts")).explainCommand(text, flags));

const trainer = (name: string, description: string) =>
  command(name, description)
    .option("--seed <n>", "seed of every random choice", count, 0)
    .option("--json", "JSON lines", false)
    .allowUnknownOption()
    .allowExcessArguments();

trainer("train", "train CLIP on DATA/shards, then judge it on the workspace's tasks")
  .helpOption(false)
  .option("--shards <glob>", "shards to train on, instead of DATA/shards/*.tar")
  .option("--model <name>", "model preset")
  .option("--steps <n>", "optimiser steps", positive)
  .option("--out <dir>", "checkpoints, instead of DATA/checkpoints")
  .addOption(new Option("--executor <engine>", "train on --nodes machines of it").choices(["slurm", "ray"]))
  .option("--slurm-args <text>", "more options for sbatch")
  .option("--wait", "stay until the training ends")
  .action(async (flags, own: Command) => {
    const { runTrain } = await import("./train/launch.ts");
    process.exitCode = await runTrain({ ...flags, passThrough: own.args });
  });

trainer("evaluate", "what a checkpoint can do: zero-shot, retrieval, linear probes")
  .helpOption(false)
  .option("--checkpoint <file>", "instead of the latest in DATA/checkpoints")
  .option("--task <task...>", "task folders, shards or `digits`, instead of all in DATA/tasks")
  .action(async (flags, own: Command) => {
    const { runEvaluate } = await import("./train/launch.ts");
    process.exitCode = await runEvaluate({ ...flags, passThrough: own.args });
  });

trainer("export-model", "a checkpoint for OpenAI's code, open_clip, transformers or ONNX")
  .helpOption(false)
  .option("--checkpoint <file>", "instead of the latest in DATA/checkpoints")
  .action(async (flags, own: Command) => {
    const { runExportModel } = await import("./train/launch.ts");
    process.exitCode = await runExportModel({ ...flags, passThrough: own.args });
  });

trainer("import-model", "a CLIP of OpenAI, open_clip or transformers as a checkpoint of ours")
  .helpOption(false)
  .action(async (flags, own: Command) => {
    const { runImportModel } = await import("./train/launch.ts");
    process.exitCode = await runImportModel({ ...flags, passThrough: own.args });
  });

/** One line that says what to do, and the exit code: 1 failed, 2 wrong use. */
function fail(error: unknown): never {
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : 2);
  console.error(`error: ${explainError(error)}`);
  if (process.env["WIT_DEBUG"]) console.error(error);
  process.exit(error instanceof UsageError ? 2 : 1);
}

process.on("uncaughtException", fail);
try {
  await program.parseAsync();
} catch (error) {
  fail(error);
}
