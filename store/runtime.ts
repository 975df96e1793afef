/**
 * Ends the process with one line when the code is run by a Node that cannot run it: better-sqlite3 13 ends Node 20 in a
 * segmentation fault, without a word. Imported before anything native.
 */
const major = Number(process.versions.node.split(".")[0]);
if (major < 24) {
  console.error(
    `webimagetext needs Node 24, this is Node ${process.versions.node}: run it through npm (\`npm start\`, \`npm run crawl\`), which uses the pinned one`,
  );
  process.exit(1);
}
