import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Content, Objects } from "../../store/objects.ts";
import { Stopped } from "../fetch-error.ts";
import { outputName, padded } from "./names.ts";
import { type Plan, readPlan } from "./plan.ts";
import type { StageContext, StageResult } from "./stage.ts";

/** One rank of one stage at work: where it reads, computes and publishes. */
export class Work {
  readonly context: StageContext;
  readonly stage: string;
  readonly plan: Plan;
  readonly store: Objects;
  readonly rank: number;
  readonly world: number;
  #bytes = 0;
  readonly #outputs: string[] = [];

  private constructor(stage: string, context: StageContext, plan: Plan) {
    this.context = context;
    this.stage = stage;
    this.plan = plan;
    this.store = context.store;
    this.rank = context.rank;
    this.world = plan.world;
  }

  /** @throws Error when the store holds no build. */
  static async begin(stage: string, context: StageContext): Promise<Work> {
    const plan = await readPlan(context.store);
    if (!plan) throw new Error(`${context.store.location} holds no build by ranks`);
    return new Work(stage, context, plan);
  }

  /** All ranks, in order. */
  get ranks(): number[] {
    return Array.from({ length: this.world }, (_, rank) => rank);
  }

  /** A folder of this rank, made when missing; what an earlier try left in it is there. */
  folder(name: string): string {
    const folder = join(this.context.scratch, padded(this.rank), name);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  /** An empty folder of this rank. */
  emptyFolder(name: string): string {
    this.remove(name);
    return this.folder(name);
  }

  remove(name: string): void {
    rmSync(join(this.context.scratch, padded(this.rank), name), { recursive: true, force: true });
  }

  /** Publishes a file of the result under this attempt's own name, which it returns. */
  async put(file: string, content: Content): Promise<string> {
    const name = outputName(this.stage, this.rank, this.context.attempt, file);
    await this.publish(name, content);
    return name;
  }

  /** Publishes a part of the result under a name of its own. */
  async publish(name: string, content: Content): Promise<void> {
    await this.store.put(name, content);
    this.#bytes += (await this.store.stat(name))?.size ?? 0;
    this.#outputs.push(name);
  }

  /** Brings an object to this rank's folder, to be read only. */
  async fetch(name: string, folder = this.folder("fetched")): Promise<string> {
    const file = join(folder, name.replaceAll("/", "-"));
    await this.store.fetch(name, file, { readOnly: true });
    return file;
  }

  /** @throws Stopped when the rank is to end. */
  checkStop(): void {
    if (this.context.stop.aborted) throw new Stopped(`${this.stage} was stopped`);
  }

  result(items: number): StageResult {
    return { items, bytes: this.#bytes, outputs: this.#outputs };
  }
}
