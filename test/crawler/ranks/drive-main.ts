/** Drives a build in a process of its own, which tests kill: DATA SCRATCH. What it fetched is published all the time. */
import { openObjects } from "../../../store/objects.ts";
import { drive } from "./drive.ts";

const [data = "", scratch = ""] = process.argv.slice(2);
await drive(await openObjects(data), scratch, async () => {}, 20);
