/**
 * Loaded into a crawl with `--import`: ends it with SIGKILL at the moment WIT_KILL_AT of its work on the shards, which from
 * outside would only be met by chance.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const at = process.env["WIT_KILL_AT"];
const { openSync, renameSync } = fs;
const end = () => void process.kill(process.pid, "SIGKILL");

fs.openSync = (...args) => {
  if (at === "second shard begins" && /shards\.next.00001\.tar$/.test(String(args[0]))) end();
  return openSync(...args);
};
fs.renameSync = (from, to) => {
  renameSync(from, to);
  if (at === "shards are in place" && /shards\.next$/.test(String(from))) end();
};
syncBuiltinESMExports();
