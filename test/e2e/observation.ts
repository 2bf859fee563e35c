// What a host looks like from outside of regnode: its files under /etc, /opt, /var/lib and /usr/local, its units,
// mounts, links and routes, one line each. Taken before a join and after a leave; the two must be the same.
import type { SandboxHost } from '../../scripts/sandbox/host.ts';

export type Observation = Readonly<
  Record<'files' | 'units' | 'mounts' | 'links' | 'routes' | 'rules', string[]>
>;

/** What the host's own systemd and shell write by themselves while it runs, with the reason. */
const volatilePaths = [
  '/var/lib/systemd/', // timers' stamps, the random seed
  '/var/lib/dbus/', // the bus makes its machine-id link at its first start
  '/etc/.updated', // systemd-update-done
  '/etc/ld.so.cache', // rewritten by package scripts
];

export async function observe(host: SandboxHost): Promise<Observation> {
  const lines = async (script: string) => {
    const result = await host.run('sh', ['-c', script], { timeoutMs: 60_000 });
    if (result.exitCode !== 0) throw new Error(`observation failed: ${script}: ${result.stderr}`);
    return result.stdout
      .split('\n')
      .filter((line) => line !== '')
      .sort();
  };
  const files = await lines(
    `find /etc /opt /var/lib /usr/local -xdev \\( -type f -printf '%p %m %U:%G file %s ' -exec sha256sum {} \\; \\) -o -printf '%p %m %U:%G %y %l\\n'`,
  );
  return {
    files: files
      .map((line) => line.trim())
      .filter((line) => !volatilePaths.some((path) => line.startsWith(path))),
    units: await lines(`systemctl list-unit-files --no-legend --no-pager | awk '{print $1, $2}'`),
    mounts: await lines(`awk '{print $5, $9}' /proc/self/mountinfo | grep -v ' /run/user'`),
    links: await lines(`ip -o link | awk -F': ' '{print $2}'`),
    routes: await lines('ip route show table all | sed "s/ *$//"'),
    // Rules and chains; that a table has been looked at, and so exists, is no trace.
    rules: await lines(
      `iptables-save 2>/dev/null | grep -E '^-A|^:.* - ' | sed 's/ \\[[0-9:]*\\]//' || true`,
    ),
  };
}

/** The lines that only one side has, readable in a failed test. */
export function difference(before: Observation, after: Observation): string[] {
  return (Object.keys(before) as (keyof Observation)[]).flatMap((part) => {
    const old = new Set(before[part]);
    const now = new Set(after[part]);
    return [
      ...before[part].filter((line) => !now.has(line)).map((line) => `${part}: - ${line}`),
      ...after[part].filter((line) => !old.has(line)).map((line) => `${part}: + ${line}`),
    ];
  });
}
