// The filter's stance on packets that no rule accepts, for iptables and nftables. Only tables that exist are
// asked for: asking for one that does not would make the kernel load it.

import { isAtLeast } from '../../../protocol/compatibility/versions.ts';
import type { Host } from '../../host/host.ts';
import { isPresent } from './kernel-config.ts';

type Hook = 'INPUT' | 'FORWARD' | 'OUTPUT';

/** Chains that drop or reject by default, e.g. `nft inet filter input: policy drop`. */
export interface Refusal {
  readonly hook: Hook;
  readonly where: string;
}

/** undefined when there are tables and no program to show them. */
export async function refusals(host: Host): Promise<readonly Refusal[] | undefined> {
  const [legacy, nft] = await Promise.all([legacyRules(host), nftRules(host)]);
  const found = [legacy, nft].flatMap((text = '') => [...parseIptablesSave(text), ...parseNft(text)]);
  return found.length === 0 && (legacy === undefined || nft === undefined) ? undefined : found;
}

/** Where `iptables-save` speaks nft, the older tables have a program of their own. */
async function legacyRules(host: Host): Promise<string | undefined> {
  const tables = (await host.files.readText('/proc/net/ip_tables_names').catch(() => undefined)) ?? '';
  if (!tables.split('\n').includes('filter')) return '';
  const older = await host.processes.run('iptables-legacy-save', ['-t', 'filter']);
  const result =
    older.outcome === 'exited' ? older : await host.processes.run('iptables-save', ['-t', 'filter']);
  return result.exitCode === 0 ? result.stdout : undefined;
}

async function nftRules(host: Host): Promise<string | undefined> {
  if (!(await isPresent(host, 'NF_TABLES', 'nf_tables'))) return '';
  const result = await host.processes.run('nft', ['list', 'ruleset']);
  return result.exitCode === 0 ? result.stdout : rulesOfIptablesNft(host);
}

/** Without nft at least what iptables wrote; before 1.8.4 it would make its tables just to show them. */
async function rulesOfIptablesNft(host: Host): Promise<string | undefined> {
  const { stdout: version } = await host.processes.run('iptables', ['--version']);
  if (!/\(nf_tables\)/.test(version) || !isAtLeast(version.replace(/^iptables /, ''), '1.8.4'))
    return undefined;
  const result = await host.processes.run('iptables-save', ['-t', 'filter']);
  return result.exitCode === 0 ? result.stdout : undefined;
}

/** A policy of DROP, or a last rule that refuses everything (as RHEL's default rules end). */
export function parseIptablesSave(text: string): readonly Refusal[] {
  const found: Refusal[] = [];
  for (const hook of ['INPUT', 'FORWARD', 'OUTPUT'] as const) {
    if (new RegExp(`^:${hook} DROP`, 'm').test(text)) found.push({ hook, where: `iptables ${hook}: DROP` });
    const last = text.match(new RegExp(`^-A ${hook} .*$`, 'gm'))?.at(-1) ?? '';
    if (new RegExp(`^-A ${hook} -j (REJECT|DROP)`).test(last)) {
      found.push({ hook, where: `iptables ${last.replace(/^-A /, '')}` });
    }
  }
  return found;
}

/** `table FAMILY NAME { chain NAME { type filter hook HOOK priority P; policy drop; … } }` */
export function parseNft(text: string): readonly Refusal[] {
  const found: Refusal[] = [];
  let table = '';
  let chain = '';
  for (const line of text.split('\n')) {
    table = /^table (\S+ \S+) \{/.exec(line)?.[1] ?? table;
    chain = /^\s*chain (\S+) \{/.exec(line)?.[1] ?? chain;
    const match = /type filter hook (input|forward|output) .*policy drop/.exec(line);
    if (!match?.[1]) continue;
    found.push({ hook: match[1].toUpperCase() as Hook, where: `nft ${table} ${chain}: policy drop` });
  }
  return found;
}
