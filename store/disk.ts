/**
 * What to tell when the machine, not the work, is the trouble: a full or read-only disk, a quota, a damaged file, too few
 * file descriptors. One line with what to do; everything that was committed stays, so each ends with "run it again".
 */
const AGAIN = "then run the same command again: it goes on where it stopped";

const ADVICE: readonly [codes: RegExp, advice: string][] = [
  [/^(ENOSPC|SQLITE_FULL)$/, `the disk is full: free some space, ${AGAIN}`],
  [/^(EDQUOT|EFBIG)$/, `a quota or file size limit is reached: raise it, ${AGAIN}`],
  [
    /^SQLITE_IOERR_(WRITE|FSYNC|TRUNCATE|SHMSIZE)$/,
    `the disk takes no more (full, or a size limit): make room, ${AGAIN}`,
  ],
  [
    /^(EROFS|SQLITE_READONLY.*|SQLITE_CANTOPEN)$/,
    `the workspace cannot be written: check its folder's owner and mount, ${AGAIN}`,
  ],
  [/^(EMFILE|ENFILE)$/, `too many open files: raise the limit (ulimit -n 4096), ${AGAIN}`],
  [
    /^(SQLITE_CORRUPT.*|SQLITE_NOTADB)$/,
    "the workspace's database is damaged and was left as it is: restore wit.sqlite, or use another --data",
  ],
  [/^(EIO|SQLITE_IOERR.*)$/, `the disk reports errors: check it, ${AGAIN}`],
];

/** The message of an error, with advice where the system's own would not say what to do. */
export function explainError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code = /^E[A-Z]+\b/.exec(error.message)?.[0] ?? "", message } = error as NodeJS.ErrnoException;
  const advice = ADVICE.find(([codes]) => codes.test(code))?.[1];
  return advice === undefined ? message : `${advice} (${message})`;
}
