import { REASONS } from "../store/reasons.ts";
import { PROFILES } from "./profiles.ts";

/** The end of `--help`: every profile and every caption rule with its line. */
export function rulesHelp(): string {
  const list = (entries: [string, string][]) =>
    entries.map(([name, help]) => `  ${name.padEnd(16)} ${help}`).join("\n");
  const profiles = Object.entries(PROFILES).map(([name, { help }]): [string, string] => [name, help]);
  return `\nProfiles:\n${list(profiles)}\n\nCaption rules, by the name of the drop reason (a profile asks some of them):\n${list(Object.entries(REASONS.caption))}`;
}
