// What of an agent's report may stand in the cluster. A report is limited by its frame, but what is kept from
// report to report, names of components and types of conditions, would grow with each; and there are
// conditions that are not the agent's to raise. An honest agent never comes near. Pure.

import { componentNameSchema } from '../../protocol/grammar.ts';
import type { HealthFinding } from '../../protocol/messages/health.ts';
import type { ReportBody, ReportedStatus, Whole } from '../../protocol/messages/report.ts';
import { printable } from '../../protocol/printable.ts';

const detailCharacters = 2048;
const components = 32;
const versionCharacters = 64;
const conditionTypes = 32;

/** The kubelet's on the Node, and the gateway's own on the RegisteredNode. */
const reservedTypes: ReadonlySet<string> = new Set([
  'Ready',
  'MemoryPressure',
  'DiskPressure',
  'PIDPressure',
  'NetworkUnavailable',
  'TunnelConnected',
  'Configured',
  'VersionsCurrent',
  'InSync',
  'AddressesOwned',
  'IdentityUnique',
]);

/** What of each field stands in the status; `before` is the status until now. */
export function boundedReport(report: ReportBody, before: ReportedStatus): Whole<ReportedStatus> {
  return {
    phase: report.phase,
    revision: report.revision,
    detail: printable(report.detail, detailCharacters),
    // An agent that has just started doesn't know all yet; a rollout leans on what the host had.
    versions: boundedVersions(before.versions ?? {}, report.versions),
    upgrades: report.upgrades ?? [],
    drift: report.drift ?? [],
  };
}

/** What was known before comes first. */
function boundedVersions(
  before: Readonly<Record<string, string>>,
  reported: Readonly<Record<string, string>>,
): Record<string, string> {
  const entries = Object.entries({ ...before, ...reported })
    .filter(
      ([name, version]) => componentNameSchema.safeParse(name).success && version.length <= versionCharacters,
    )
    .map(([name, version]) => [name, printable(version)] as const);
  return Object.fromEntries(entries.slice(0, components));
}

/** Findings whose condition may be raised; `known` types are those that the node has had. */
export function boundedFindings(
  findings: readonly HealthFinding[],
  known: readonly string[],
): readonly HealthFinding[] {
  const types = new Set(known);
  return findings.filter(({ condition }) => {
    if (reservedTypes.has(condition)) return false;
    if (!types.has(condition) && types.size >= conditionTypes) return false;
    types.add(condition);
    return true;
  });
}
