// What a host looks like from outside of regnode: its files under /etc, /opt, /var/lib, /usr/local and /run,
// its units, mounts, links, routes, packet filter and parameters, one line each. Taken before a join and
// after a leave; the two must be the same.
import type { SandboxHost } from '../../scripts/sandbox/host.ts';

export type Observation = Readonly<
  Record<'files' | 'units' | 'mounts' | 'links' | 'routes' | 'rules' | 'sysctls', string[]>
>;

/** What the host's own systemd and shell write by themselves while it runs, with the reason. */
const volatilePaths = [
  '/var/lib/systemd/', // timers' stamps, the random seed
  '/var/lib/dbus/', // the bus makes its machine-id link at its first start
  '/etc/.updated', // systemd-update-done
  '/etc/ld.so.cache', // rewritten by package scripts
  '/run/systemd/', // what runs, and since when
  '/run/udev/',
  '/run/log/', // the journal's files turn over
  '/run/user/',
  '/run/utmp',
  '/run/dbus/',
  '/run/mount', // libmount's own notes, made by whoever mounts first
  '/run/host/', // of the container that the host is
  '/run/xtables.lock', // the lock of iptables itself, made by whoever lists rules
];

/** `more`: folders behind links or below mounts, which the walk would leave out. */
export async function observe(host: SandboxHost, more: readonly string[] = []): Promise<Observation> {
  const lines = async (script: string) => {
    const result = await host.run('sh', ['-c', script], { timeoutMs: 60_000 });
    if (result.exitCode !== 0) throw new Error(`observation failed: ${script}: ${result.stderr}`);
    return result.stdout
      .split('\n')
      .filter((line) => line !== '')
      .sort();
  };
  // The last three may be file systems of their own, which -xdev would leave out.
  const usual = '/etc /opt /var/lib /usr/local /var/lib/containerd /var/lib/kubelet /run';
  const folders = [usual, ...more].join(' ');
  // Two lines for a file: what it is, and what is in it. coreutils hashes without the processor's own
  // instructions, which takes five times as long.
  const tree = `find ${folders} -xdev \\( -type f -printf '%p %m %U:%G file %s\\n' -o -printf '%p %m %U:%G %y %l\\n' \\)
    find ${folders} -xdev -type f -exec openssl dgst -sha256 -r {} + | sed -E 's/^([0-9a-f]*) \\*(.*)/\\2 \\1/'`;
  const [files, units, mounts, links, routes, rules, sysctls] = await Promise.all([
    lines(tree),
    lines(`systemctl list-unit-files --no-legend --no-pager | awk '{print $1, $2}'`),
    lines(`awk '{print $5, $9}' /proc/self/mountinfo | grep -v ' /run/user'`),
    lines(`ip -o link | awk -F': ' '{print $2}'`),
    lines('ip route show table all | sed "s/ *$//"'),
    // Rules and chains; that a table has been looked at, and so exists, is no trace.
    lines(`iptables-save 2>/dev/null | grep -E '^-A|^:.* - ' | sed 's/ \\[[0-9:]*\\]//' || true`),
    // Those of the host's own network namespace: the others are the machine's, and every sandbox's.
    lines(
      `sysctl -a 2>/dev/null | grep -E '^net\\.(ipv4\\.(ip_forward|conf\\.(all|default)\\.)|bridge\\.)' || true`,
    ),
  ]);
  const kept = files
    .map((line) => line.trim())
    .filter((line) => !volatilePaths.some((path) => line.startsWith(path)));
  return { files: [...new Set(kept)], units, mounts, links, routes, rules, sysctls };
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
