/** One thing that is not as it should be. */
export interface Finding {
  /** Name of the check that found it. */
  check: string;
  /** File, row or query. */
  where: string;
  what: string;
}

/** How often one check found something; only the first ones are shown. */
const SHOWN = 10;

/** Gathers what the checks find: problems, and what is merely not finished. */
export class Findings {
  readonly problems: Finding[] = [];
  readonly unfinished: Finding[] = [];
  /** How many things each check looked at. */
  readonly checked = new Map<string, number>();
  readonly #problems = new Map<string, number>();

  /** Something that no run, finished or interrupted, leaves behind. */
  problem(check: string, where: string, what: string): void {
    const before = this.#problems.get(check) ?? 0;
    this.#problems.set(check, before + 1);
    if (before < SHOWN) this.problems.push({ check, where, what });
  }

  /** Something that the next run completes. */
  open(check: string, where: string, what: string): void {
    this.unfinished.push({ check, where, what });
  }

  /** Notes that a check looked at so many things. */
  looked(check: string, things: number): void {
    this.checked.set(check, (this.checked.get(check) ?? 0) + things);
  }

  /** Problems found by a check, those not shown too. */
  count(check: string): number {
    return this.#problems.get(check) ?? 0;
  }

  /** Problems in all. */
  get total(): number {
    return this.#problems.values().reduce((sum, count) => sum + count, 0);
  }
}
