import "./runtime.ts";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import SQLite from "better-sqlite3";
import { makeIndices } from "./indices.ts";
import { REASONS } from "./reasons.ts";

/** An open workspace database. */
export type Database = SQLite.Database;

const SCHEMA = new URL("./schema.sql", import.meta.url);
const VERSION = 4;

/** Pages kept in memory, unless a stage says otherwise with {@link setCache}. */
export const CACHE_MB = 100;

/** How much memory SQLite keeps pages in; it takes as much again to sort an index. */
export function setCache(db: Database, megabytes: number): void {
  db.pragma(`cache_size = ${-1_000 * megabytes}`);
}

/** Where a workspace keeps its state. */
export function databaseFile(data: string): string {
  return join(data, "wit.sqlite");
}

/**
 * Opens the workspace's database for writing, making folder and tables on first use, and holds the workspace's lock
 * until the process ends, however it ends.
 * @param indices false leaves it to the caller to make the indices that a bulk run put off.
 * @throws Error when another process holds the workspace, or a newer version of the program made it.
 */
export function openDatabase(data: string, indices = true): Database {
  mkdirSync(data, { recursive: true });
  lock(data);
  const db = new SQLite(databaseFile(data));
  // Before anything that writes to the file.
  checkVersion(db, data);
  // WAL with NORMAL survives kill -9 of any process; a power cut may cost the last commits, never the file.
  beginLog(db);
  db.pragma("synchronous = NORMAL");
  db.pragma("foreign_keys = ON");
  settleAtExit(db);
  setCache(db, CACHE_MB);
  if (db.pragma("user_version", { simple: true }) === 0) {
    db.transaction(() => db.exec(readFileSync(SCHEMA, "utf8")))();
  }
  const reason = db.prepare(
    `INSERT INTO reason VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET stage = excluded.stage, help = excluded.help
     WHERE stage <> excluded.stage OR help <> excluded.help`,
  );
  db.transaction(() => {
    for (const [stage, reasons] of Object.entries(REASONS)) {
      for (const [name, help] of Object.entries(reasons)) reason.run(name, stage, help);
    }
  })();
  if (indices) makeIndices(db);
  return db;
}

/** @throws Error when a long read by another process has begun before. */
function beginLog(db: Database): void {
  try {
    db.pragma("journal_mode = WAL");
  } catch (error) {
    if ((error as { code?: string }).code !== "SQLITE_BUSY") throw error;
    throw new Error(`${db.name} is being read by another program: run the same command again when that is done`);
  }
}

/**
 * Opens the database of a workspace for reading, also while a crawl writes it.
 * @throws Error with the command to run when there is none.
 */
export function openForReading(data: string): Database {
  let db: Database;
  try {
    db = new SQLite(databaseFile(data), { readonly: true, fileMustExist: true });
  } catch (error) {
    if (existsSync(databaseFile(data))) throw new Error(`${databaseFile(data)}: ${(error as Error).message}`);
    throw new Error(`no data set in ${data} yet: run \`npm start\` or \`npm run crawl\` first`);
  }
  checkVersion(db, data);
  return db;
}

function checkVersion(db: Database, data: string): void {
  const version = db.pragma("user_version", { simple: true }) as number;
  if (version > VERSION) {
    throw new Error(
      `${databaseFile(data)} was made by a newer webimagetext (schema ${version}): update, or use another --data`,
    );
  }
  // Zero is a database that was just made.
  if (version > 0 && version < VERSION) {
    throw new Error(
      `${databaseFile(data)} was made by an older webimagetext (schema ${version}, now ${VERSION}): build it anew with another --data`,
    );
  }
}

/**
 * SQLite's own file lock on a file of its own: unlike a file with a process number it cannot outlive its owner.
 * The number beside it is only for the message.
 */
function lock(data: string): void {
  holdFolder(data, "--data");
}

/**
 * Holds a folder until this process ends, however it ends.
 * @param option that names another folder.
 * @throws Error when another process holds it.
 */
export function holdFolder(data: string, option: string): void {
  const holder = join(data, "lock.pid");
  const guard = new SQLite(join(data, "lock.sqlite"), { timeout: 500 });
  try {
    guard.pragma("locking_mode = EXCLUSIVE");
    guard.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    if ((error as { code?: string }).code !== "SQLITE_BUSY") throw error;
    const pid = readHolder(holder);
    throw new Error(
      `${data} is in use by another process${pid ? ` (pid ${pid})` : ""}: wait for it, stop it, or use another ${option}`,
    );
  }
  writeFileSync(holder, String(process.pid));
  held.push(guard); // A collected handle would give the lock up.
}

const held: Database[] = [];

function readHolder(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

const written = new Set<Database>();

/**
 * Brings all of an open database into its one file, so that a copy of that is whole, and so that it can be read where
 * nothing can be written.
 * @throws Error when another process has it open: its log stays beside it then, emptied as far as can be.
 */
export function settle(db: Database): void {
  db.pragma("wal_checkpoint(TRUNCATE)");
  db.pragma("journal_mode = DELETE");
}

/** However a command ends, by `process.exit` or an error too. */
function settleAtExit(db: Database): void {
  if (written.size === 0) process.on("exit", settleAll);
  written.add(db);
}

function settleAll(): void {
  for (const db of written) settleAndClose(db);
}

function settleAndClose(db: Database): void {
  if (!db.open) return;
  try {
    db.pragma("busy_timeout = 0");
    settle(db);
  } catch {
    // Somebody reads it, or the disk is full: the log stays, and the next run takes it up.
  }
  try {
    db.close();
  } catch {
    // In the middle of a statement.
  }
}

/** Gives up the locks of this process: for tests that open several workspaces one after the other. */
export function closeDatabase(db: Database): void {
  settleAndClose(db);
  written.delete(db);
  if (written.size === 0) process.off("exit", settleAll);
  for (const guard of held.splice(0)) guard.close();
}

/** A value of the `meta` table. */
export function getMeta(db: Database, key: string): string | undefined {
  return db.prepare<[string], { value: string }>("SELECT value FROM meta WHERE key = ?").get(key)?.value;
}

/** Sets a value of the `meta` table. */
export function setMeta(db: Database, key: string, value: string): void {
  db.prepare("INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value").run(key, value);
}
