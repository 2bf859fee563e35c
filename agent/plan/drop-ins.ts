// Drop-ins that somebody put beside our units: the unit file is as we made it, and what runs is not. Those
// that change the command or its environment are drift, and are only told, whatever the pool's policy. They
// are somebody's own, often a package's (kubeadm's), which would put them back; a proxy for pulling images
// stands in one; and without it the unit would have to be restarted at a moment that nobody chose.
import { hasCode } from '../host/durable.ts';
import type { Host } from '../host/host.ts';

const watchedUnits = ['kubelet.service', 'containerd.service'] as const;

/** As systemd goes through them: of two files with one name the first counts. */
const folders = [
  '/etc/systemd/system',
  '/run/systemd/system',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
];

const telling = [
  'ExecStart',
  'ExecStartPre',
  'ExecStartPost',
  'Type',
  'User',
  'Group',
  'RootDirectory',
  'Environment',
  'EnvironmentFile',
  'PassEnvironment',
  'UnsetEnvironment',
];

export interface ForeignDropIn {
  readonly unit: string;
  readonly path: string;
  /** Settings of the service that it changes, as systemd calls them. */
  readonly changes: readonly string[];
}

/** What stays as it was found, as a plan and a report name it. */
export interface StandingDrift {
  readonly key: string;
  readonly reason: string;
}

export async function foreignDropIns(host: Host): Promise<ForeignDropIn[]> {
  const found: ForeignDropIn[] = [];
  for (const unit of watchedUnits) {
    for (const path of await dropInsOf(host, unit)) {
      const changes = changedSettings((await contentOf(host, path)) ?? '');
      if (changes.length > 0) found.push({ unit, path, changes });
    }
  }
  return found;
}

export function standingDropIns(found: readonly ForeignDropIn[]): StandingDrift[] {
  return found.map(({ unit, path, changes }) => ({
    key: `drop-in:${path}`,
    reason: `changes ${changes.join(', ')} of ${unit}`,
  }));
}

/** Pure. */
export function changedSettings(text: string): string[] {
  const changed = new Set<string>();
  let section = '';
  for (const line of text.replaceAll(/\\\n/g, ' ').split('\n')) {
    section = /^\s*\[(.+)\]\s*$/.exec(line)?.[1] ?? section;
    const [, name] = /^\s*(\w+)\s*=/.exec(line) ?? [];
    if (section === 'Service' && name !== undefined && telling.includes(name)) changed.add(name);
  }
  return [...changed];
}

async function dropInsOf(host: Host, unit: string): Promise<string[]> {
  const byName = new Map<string, string>();
  for (const folder of folders) {
    for (const name of (await host.files.list(`${folder}/${unit}.d`)) ?? []) {
      if (name.endsWith('.conf') && !byName.has(name)) byName.set(name, `${folder}/${unit}.d/${name}`);
    }
  }
  return [...byName.keys()].sort().map((name) => byName.get(name) ?? '');
}

/** Of a link to /dev/null nothing: that is how one is turned off. */
async function contentOf(host: Host, path: string): Promise<string | undefined> {
  const status = await host.files.status(path);
  if (status?.target === '/dev/null') return undefined;
  return host.files.readText(path).catch((error: unknown) => {
    if (hasCode(error, 'EISDIR')) return undefined;
    throw error;
  });
}
