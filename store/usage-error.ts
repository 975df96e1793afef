/** The command was used in a way that cannot work; ends the process with exit code 2. */
export class UsageError extends Error {}
