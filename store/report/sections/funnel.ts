import type { Stats } from "../../stats.ts";
import { type Html, html } from "../html.ts";
import { section, share } from "../parts.ts";
import { funnelStages, STAGE_HELP, type StageSummary } from "../stages.ts";
import { count, percent } from "../text.ts";

/** Each stage as a bar of what entered it, split into what went on and what stopped, with the reasons beneath. */
export function funnel({ funnel: rows, drops }: Stats): Html {
  const help = new Map(drops.flatMap((drop) => (drop.help === null ? [] : [[drop.reason, drop.help] as const])));
  const stages = funnelStages(rows, help);
  const largest = Math.max(0, ...stages.map((stage) => stage.entered));
  return section(
    "funnel",
    "From pages to pairs",
    "What entered each stage, what went on to the next, and why the rest stopped. What goes on and the reasons below it add up to what entered.",
    html`<p class="legend"><span class="key passed">goes on</span><span class="key dropped">dropped</span><span class="key pending">waiting or in reserve</span></p>`,
    html`<ol class="funnel">${stages.map((stage) => stageRow(stage, largest))}</ol>`,
  );
}

function stageRow({ stage, entered, passed, stopped }: StageSummary, largest: number): Html {
  const pending = stopped.filter((reason) => reason.pending).reduce((sum, reason) => sum + reason.pairs, 0);
  const dropped = entered - passed - pending;
  return html`<li>
<div class="stage"><h3>${stage}</h3><span class="quiet">${STAGE_HELP[stage]}</span><span class="flow">${count(entered)} → <b>${count(passed)}</b> ${entered > 0 && html`<span class="quiet">${percent(passed, entered)}</span>`}</span></div>
<div class="bar">${segment("passed", passed, largest)}${segment("pending", pending, largest)}${segment("dropped", dropped, largest)}</div>
${stopped.length > 0 && html`<ul class="reasons">${stopped.map((reason) => reasonChip(reason, entered))}</ul>`}
</li>
`;
}

function segment(kind: string, pairs: number, largest: number): Html | undefined {
  if (pairs === 0) return undefined;
  return html`<span class="${kind}" style="${share(pairs, largest)}" title="${kind}: ${count(pairs)}"></span>`;
}

function reasonChip(reason: StageSummary["stopped"][number], entered: number): Html {
  return html`<li class="${reason.pending ? "pending" : "dropped"}" title="${reason.help ?? reason.reason}">${reason.reason.replaceAll("_", " ")} <b>${count(reason.pairs)}</b> <span class="quiet">${percent(reason.pairs, entered)}</span></li>`;
}
