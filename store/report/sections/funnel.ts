import type { Stats } from "../../stats.ts";
import { type Html, html } from "../html.ts";
import { section } from "../parts.ts";
import { type Segment, stackedBars } from "../plots.ts";
import { funnelStages, STAGE_HELP, type StageSummary } from "../stages.ts";
import { count, pagesText, percent } from "../text.ts";

/** A bar a stage: what entered it, split into what went on and what stopped; beneath, the reasons of each. */
export function funnel({ funnel: rows, drops, pages }: Stats): Html {
  const onPages = pagesText(pages);
  const help = new Map(drops.flatMap((drop) => (drop.help === null ? [] : [[drop.reason, drop.help] as const])));
  const stages = funnelStages(rows, help);
  const bars = stages.flatMap(segments);
  return section(
    "funnel",
    "From pages to pairs",
    "What entered each stage, what went on to the next, and why the rest stopped. What goes on and the reasons below it add up to what entered.",
    onPages !== "" && html`<p>${onPages}.</p>`,
    html`<p class="legend"><span class="key passed">goes on</span><span class="key dropped">dropped</span><span class="key pending">waiting or in reserve</span></p>`,
    bars.length > 0 && stackedBars("What went through each stage", bars, "pairs"),
    html`<ol class="funnel">${stages.map(stageRow)}</ol>`,
  );
}

function segments({ stage, entered, passed, stopped }: StageSummary): Segment[] {
  const pending = stopped.filter((reason) => reason.pending).reduce((sum, reason) => sum + reason.pairs, 0);
  const all = [
    { bar: stage, kind: "goes on", count: passed, colour: "var(--accent)" },
    { bar: stage, kind: "waiting or in reserve", count: pending, colour: "var(--pending)" },
    { bar: stage, kind: "dropped", count: entered - passed - pending, colour: "var(--dropped)" },
  ];
  return all.filter(({ count: pairs }) => pairs > 0);
}

function stageRow({ stage, entered, passed, stopped }: StageSummary): Html {
  return html`<li>
<div class="stage"><h3>${stage}</h3><span class="quiet">${STAGE_HELP[stage]}</span><span class="flow">${count(entered)} → <b>${count(passed)}</b> ${entered > 0 && html`<span class="quiet">${percent(passed, entered)}</span>`}</span></div>
${stopped.length > 0 && html`<ul class="reasons">${stopped.map((reason) => reasonChip(reason, entered))}</ul>`}
</li>
`;
}

function reasonChip(reason: StageSummary["stopped"][number], entered: number): Html {
  return html`<li class="${reason.pending ? "pending" : "dropped"}" title="${reason.help ?? reason.reason}">${reason.reason.replaceAll("_", " ")} <b>${count(reason.pairs)}</b> <span class="quiet">${percent(reason.pairs, entered)}</span></li>`;
}
