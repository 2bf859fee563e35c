// Proxy settings as programs find them: the environment of this process (from /proc, read for these names
// only) and what systemd hands to services: from its files, and what somebody set in the running manager.
// Passwords in a proxy's URL never leave this file.
import type { Host } from '../../host/host.ts';
import { contains, isAddress } from './addresses.ts';

const names = ['http_proxy', 'https_proxy', 'no_proxy', 'all_proxy'] as const;
type ProxyName = (typeof names)[number];

export interface ProxySetting {
  readonly source: string;
  /** As it was written: upper or lower case. */
  readonly variable: string;
  readonly name: ProxyName;
  readonly value: string;
}

export async function proxySettings(host: Host): Promise<readonly ProxySetting[]> {
  const [environ, etc, files, manager] = await Promise.all([
    host.files.readText('/proc/self/environ'),
    host.files.readText('/etc/environment'),
    managerFiles(host),
    host.processes.run('systemctl', ['show-environment']).catch(() => undefined),
  ]);
  const written = await Promise.all(
    files.map(async (path) => settingsIn(path, managerAssignments((await host.files.readText(path)) ?? ''))),
  );
  const running = settingsIn('systemctl show-environment', (manager?.stdout ?? '').split('\n'));
  const isWritten = (setting: ProxySetting) =>
    written.flat().some(({ variable, value }) => variable === setting.variable && value === setting.value);
  return [
    ...settingsIn('environment', (environ ?? '').split('\0')),
    ...settingsIn('/etc/environment', (etc ?? '').split('\n')),
    ...written.flat(),
    ...running.filter((setting) => !isWritten(setting)),
  ];
}

/** system.conf and its drop-ins, as systemd-system.conf(5) names their folders. */
async function managerFiles(host: Host): Promise<readonly string[]> {
  const folders = ['/etc/systemd', '/run/systemd', '/usr/lib/systemd'].map(
    (folder) => `${folder}/system.conf.d`,
  );
  const dropIns = await Promise.all(
    folders.map(async (folder) =>
      ((await host.files.list(folder)) ?? [])
        .filter((name) => name.endsWith('.conf'))
        .map((name) => `${folder}/${name}`),
    ),
  );
  return ['/etc/systemd/system.conf', ...dropIns.flat()];
}

/**
 * `http://user:secret@proxy:3128` → `http://proxy:3128`. A password may hold any sign: all up to the last @
 * goes.
 */
export function withoutCredentials(url: string): string {
  const [, scheme = '', rest = ''] = /^([a-z0-9]+:\/\/)?(.*)$/is.exec(url) ?? [];
  return scheme + rest.slice(rest.lastIndexOf('@') + 1);
}

/**
 * Whether a NO_PROXY list exempts a host: exact names, suffixes with or without a dot, `*`, ranges, ports.
 */
export function isExempt(noProxy: string, host: string): boolean {
  return noProxy
    .split(/[\s,]+/)
    .filter(Boolean)
    .some((entry) => {
      if (entry === '*' || entry === host) return true;
      if (isAddress(host)) return entry.includes('/') && contains(entry, host);
      const suffix = entry.replace(/^\*?\./, '').replace(/:\d+$/, '');
      return host === suffix || host.endsWith(`.${suffix}`);
    });
}

function settingsIn(source: string, assignments: readonly string[]): readonly ProxySetting[] {
  return assignments.flatMap((assignment) => {
    const match = /^\s*(?:export\s+)?([A-Za-z_]+)=["']?(.*?)["']?\s*$/s.exec(assignment);
    const variable = match?.[1] ?? '';
    const name = names.find((one) => one === variable.toLowerCase());
    const value = match?.[2] ?? '';
    return name === undefined || value === '' ? [] : [{ source, variable, name, value }];
  });
}

/** `DefaultEnvironment="A=1" B=2` → [`A=1`, `B=2`]. */
function managerAssignments(text: string): readonly string[] {
  return [...text.matchAll(/^DefaultEnvironment=(.*)$/gm)].flatMap((line) =>
    (line[1]?.match(/"[^"]*"|'[^']*'|\S+/g) ?? []).map((word) => word.replaceAll(/^["']|["']$/g, '')),
  );
}
