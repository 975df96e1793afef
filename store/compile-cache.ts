// As one object: an older Node, which is told so in one line, could not even link the name enableCompileCache.
import module from "node:module";
import { fileURLToPath } from "node:url";

/**
 * Keeps compiled code beside the packages it comes from, for this process and all that it starts: half of a command's start.
 * Where that folder cannot be written nothing is kept. What is loaded afterwards profits, so it is imported first, and what is
 * large only when it is needed.
 */
const folder = fileURLToPath(new URL("../node_modules/.cache/webimagetext", import.meta.url));
module.enableCompileCache(folder);
process.env["NODE_COMPILE_CACHE"] ??= folder;
