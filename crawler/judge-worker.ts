/** A thread of {@link JudgePool}: loads its own rules, shares the matcher's tables, answers in the order it is asked. */
import { parentPort, workerData } from "node:worker_threads";
import { adoptVocabulary } from "../filters/caption/vocabulary.ts";
import { viewTable } from "../filters/matcher-table.ts";
import { type AskedMessage, mapAsked, packJudged } from "./judge-messages.ts";
import type { WorkerInput } from "./judge-pool.ts";
import { judgeCandidate, loadJudges } from "./judges.ts";

const { buffer, words, settings }: WorkerInput = workerData;
adoptVocabulary(words);
const judges = await loadJudges(viewTable(buffer), settings);

parentPort?.on("message", (asked: AskedMessage) => {
  parentPort?.postMessage(packJudged(mapAsked(asked, (candidate) => judgeCandidate(judges, candidate))));
});
