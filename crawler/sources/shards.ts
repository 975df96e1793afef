import { basename, dirname, resolve } from "node:path";
import type { Database } from "../../store/database.ts";
import type { Candidate } from "../../store/types.ts";
import type { HttpClient } from "../http.ts";
import { type TarMember, tarMembers } from "./archive/tar.ts";
import { addMember, fileAddress, PICTURE } from "./collection.ts";
import { type Input, inputOf } from "./input.ts";
import { positionOf } from "./position.ts";
import type { Batch } from "./source.ts";
import { Tally } from "./tally.ts";

const BATCH = 1_000;
/** A side file that is longer is none. */
const MAX_TEXT = 1_048_576;

/**
 * The samples of a WebDataset shard: KEY.jpg (or another picture), KEY.txt and KEY.json beside each other. Pictures are
 * not read before they are chosen. A run that was killed goes on at the sample behind the last one it took.
 * @throws Error naming the shard when it cannot be read.
 */
export async function* readShard(
  db: Database,
  http: HttpClient,
  shard: string,
  stop: AbortSignal,
): AsyncGenerator<Batch> {
  const position = positionOf(db, shard);
  if (position.done) return;
  const input = inputOf(shard, http);
  let candidates: Candidate[] = [];
  let tally = new Tally();
  let at = position.at;
  let count = 0;
  const take = (finished: boolean): Batch => {
    const saved = at;
    const batch = { candidates, drops: tally.drops(), done: () => position.save(saved, finished) };
    candidates = [];
    tally = new Tally();
    return batch;
  };
  for await (const { key, members, next } of samplesOf(input, position.at)) {
    await addSample(input, shard, key, members, candidates, tally);
    at = next;
    if (++count % BATCH === 0) yield take(false);
    if (stop.aborted) return;
  }
  yield take(true);
}

interface Sample {
  key: string;
  members: TarMember[];
  /** Where the sample behind it begins. */
  next: number;
}

/** Members with the same name up to the first dot, as webdataset groups them. */
async function* samplesOf(input: Input, from: number): AsyncGenerator<Sample> {
  let sample: Sample | undefined;
  for await (const member of tarMembers(input, from)) {
    const folder = dirname(member.name);
    const key = `${folder === "." ? "" : `${folder}/`}${basename(member.name).split(".")[0]}`;
    if (sample && sample.key !== key) {
      yield { ...sample, next: member.start };
      sample = undefined;
    }
    sample ??= { key, members: [], next: member.start };
    sample.members.push(member);
    sample.next = member.offset + Math.ceil(member.bytes / 512) * 512;
  }
  if (sample) yield sample;
}

async function addSample(
  input: Input,
  shard: string,
  key: string,
  members: readonly TarMember[],
  candidates: Candidate[],
  tally: Tally,
): Promise<void> {
  const picture = members.find(({ name }) => PICTURE.test(name));
  const place = `${shard} ${key}`;
  if (!picture) {
    tally.add("not_picture", place);
    return;
  }
  const text = async (ending: string) => {
    const member = members.find(({ name }) => name.endsWith(ending));
    if (!member || member.bytes > MAX_TEXT) return undefined;
    return (await input.read(member.offset, member.offset + member.bytes)).toString("utf8");
  };
  const { offset, bytes } = picture;
  const file = /^https?:\/\/|^s3:\/\//i.test(shard) ? shard : resolve(shard);
  addMember(candidates, tally, "shards", {
    address: fileAddress(basename(shard), ...picture.name.split("/")),
    place,
    txt: await text(".txt"),
    json: await text(".json"),
    origin: { file: shard, offset, picture: { file, offset, bytes } },
  });
}
