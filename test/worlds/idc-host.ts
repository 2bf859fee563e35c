// A host in a folder: a fixture root with an ordinary server's files, and behind the Host door a small world
// of units, images and parameters that systemctl, tar, ctr and the rest act on. The world outlives an agent
// that dies, as a real host does.
import {
  chmodSync,
  copyFileSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Host, RunResult } from '../../agent/host/host.ts';
import { fixtureHost } from '../fixtures/host.ts';

type Answer = string | Partial<RunResult> | undefined;

/** What a tar archive unpacks to, by the content of the archive: path → content, executable. */
export type Archives = ReadonlyMap<string, Readonly<Record<string, string>>>;

const files: Readonly<Record<string, string>> = {
  '/etc/os-release': 'ID="tencentos"\nVERSION_ID="3.1"\nPRETTY_NAME="TencentOS Server 3.1 (Final)"\n',
  '/etc/machine-id': '0123456789abcdef0123456789abcdef\n',
  '/etc/hostname': 'idc-1\n',
  '/etc/resolv.conf': 'nameserver 10.0.0.2\n',
  '/etc/sysctl.d/10-own.conf': 'vm.swappiness = 10\n',
  '/etc/cni/net.d/10-own.conflist': '{"name":"own"}\n',
  '/etc/containerd/config.toml': '# of somebody before us\n',
  '/etc/systemd/system/own.service': '[Service]\nExecStart=/bin/true\n',
  '/etc/systemd/system/regnode.service': '[Service]\nExecStart=/opt/regnode/bin/regnode run\n',
  '/var/lib/kubelet/kept-by-its-owner': 'precious\n',
  '/opt/regnode/bin/regnode': '#!/bin/sh\n',
  '/proc/1/status': 'Name:\tsystemd\nCapEff:\t000001fffeffffff\n',
  '/proc/modules': '',
  '/proc/self/mountinfo':
    '22 1 254:0 / / rw - ext4 /dev/vda rw\n30 22 0:30 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n',
  '/proc/sys/kernel/osrelease': '5.4.119-19-0009.11\n',
};
const folders = [
  '/var/lib/containerd',
  '/var/log',
  '/run',
  '/sys/module',
  '/etc/systemd/system/multi-user.target.wants',
];
const parameters: Readonly<Record<string, string>> = {
  'net/ipv4/ip_forward': '0',
  'vm/overcommit_memory': '0',
  'vm/panic_on_oom': '0',
  'kernel/panic': '0',
  'kernel/panic_on_oops': '0',
  'fs/inotify/max_user_watches': '1048576',
  'fs/inotify/max_user_instances': '128',
};

export class IdcHost {
  readonly root: string;
  readonly host: Host;
  /** Name → pid of what runs. */
  readonly units = new Map<string, number>();
  readonly images = new Set<string>();
  readonly links = new Set(['lo', 'eth0']);
  readonly modules = new Set<string>();
  /** Written and not synced: what a loss of power takes. */
  readonly unsynced = new Set<string>();
  readonly log: string[] = [];
  #archives: Archives;
  #pids = 1000;

  constructor(archives: Archives, copied?: IdcHost) {
    this.#archives = archives;
    this.root = mkdtempSync('/dev/shm/regnode-host-');
    if (copied === undefined) this.#furnish();
    else this.#becomeLike(copied);
    this.host = fixtureHost(this.root, {
      commands: (command, args) => this.#run(command, args),
      network: {
        resolve: async (name) => [name],
        routeTo: async () => ({ device: 'eth0', source: '10.77.0.11' }),
        interfaces: async () =>
          [...this.links].map((name) => ({
            name,
            mtu: 1500,
            state: 'up',
            macAddress: '',
            addresses: name === 'eth0' ? ['10.77.0.11/24'] : [],
          })),
      },
    });
  }

  /** Another world, that is now as this one is. */
  copy(): IdcHost {
    return new IdcHost(this.#archives, this);
  }

  at(path: string): string {
    return join(this.root, path);
  }

  put(path: string, content: string): void {
    mkdirSync(dirname(this.at(path)), { recursive: true });
    writeFileSync(this.at(path), content);
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  /** What is running and set beside the files. */
  state(): unknown {
    const names = Object.keys(parameters);
    return {
      units: [...this.units.keys()].sort(),
      images: [...this.images].sort(),
      links: [...this.links].sort(),
      modules: [...this.modules].sort(),
      parameters: names.map((name) => `${name}=${readFileSync(this.at(`/proc/sys/${name}`), 'utf8').trim()}`),
    };
  }

  #furnish(): void {
    for (const folder of folders) mkdirSync(this.at(folder), { recursive: true });
    for (const [path, content] of Object.entries(files)) this.put(path, content);
    for (const [name, value] of Object.entries(parameters)) this.put(`/proc/sys/${name}`, `${value}\n`);
    symlinkSync('../own.service', this.at('/etc/systemd/system/multi-user.target.wants/own.service'));
  }

  #becomeLike(other: IdcHost): void {
    copyTree(other.root, this.root);
    for (const [name, pid] of other.units) this.units.set(name, pid);
    for (const kind of ['images', 'links', 'modules', 'unsynced'] as const)
      for (const name of other[kind]) this[kind].add(name);
    this.log.push(...other.log);
    this.#pids = other.#pids;
  }

  #run(command: string, args: readonly string[]): Answer {
    this.log.push([command, ...args].join(' '));
    const program = command.slice(command.lastIndexOf('/') + 1);
    if (program === 'systemctl') return this.#systemctl(args[0] ?? '', args[1] ?? '');
    if (program === 'tar') return this.#tar(args);
    if (program === 'ctr') return this.#ctr(args.slice(args.indexOf('images') + 1));
    if (program === 'modprobe') return this.#modprobe(args);
    if (program === 'ip' && args[1] === 'delete') this.links.delete(args[2] ?? '');
    return '';
  }

  #systemctl(verb: string, name: string): Answer {
    const pid = this.units.get(name);
    const isLoaded = this.#exists(`/etc/systemd/system/${name}`);
    if (verb === 'show') {
      return [
        `LoadState=${isLoaded ? 'loaded' : 'not-found'}`,
        `ActiveState=${pid === undefined ? 'inactive' : 'active'}`,
        'NeedDaemonReload=no',
        `MainPID=${pid ?? 0}`,
      ].join('\n');
    }
    if (verb === 'stop' || verb === 'restart') this.#stop(name);
    if (verb === 'start' || verb === 'restart') {
      if (!isLoaded) return { exitCode: 5, stderr: `Unit ${name} not found.` };
      this.#start(name);
    }
    return '';
  }

  /** As the real ones do, a unit puts files where no step of ours does. */
  #start(name: string): void {
    if (this.units.has(name)) return;
    const pid = this.#pids++;
    this.units.set(name, pid);
    const unit = readFileSync(this.at(`/etc/systemd/system/${name}`), 'utf8');
    const environment = [...unit.matchAll(/^Environment=(.*)$/gm)].map(([, variable]) => variable);
    this.put(`/proc/${pid}/environ`, environment.join('\0'));
    if (name === 'containerd.service') {
      this.put('/run/containerd/containerd.sock', '');
      this.put('/var/lib/containerd/io.containerd.content.v1/blob', 'x');
      chmodSync(this.at('/var/lib/containerd'), 0o700);
    }
    if (name === 'kubelet.service') {
      const certificate = '/var/lib/kubelet/pki/kubelet-client-current.pem';
      this.put('/etc/kubernetes/kubelet.conf', `users: [{user: {client-certificate: ${certificate}}}]\n`);
      this.put(certificate, 'x');
      this.put('/var/log/pods/kube-system_x/0.log', 'x');
      this.put('/var/lib/cni/networks/sandbox/10.1.0.2', 'x');
      this.put('/run/netns/cni-1', '');
      this.links.add('cni0').add('veth1');
    }
  }

  #stop(name: string): void {
    const pid = this.units.get(name);
    this.units.delete(name);
    if (pid !== undefined) rmSync(this.at(`/proc/${pid}`), { recursive: true });
    if (name === 'containerd.service') rmSync(this.at('/run/containerd/containerd.sock'), { force: true });
  }

  #tar(args: readonly string[]): Answer {
    const option = (name: string) => args[args.indexOf(name) + 1] ?? '';
    const content = readFileSync(this.at(option('--file')), 'utf8');
    if (args.includes('--list')) return './\n./manifest.json\n./layer.tar\n';
    if (args.includes('--to-stdout')) return JSON.stringify([{ RepoTags: [`${content.trim()}:1`] }]);
    const tree = this.#archives.get(content);
    if (tree === undefined) return { exitCode: 2, stderr: 'tar: This does not look like a tar archive' };
    for (const [path, text] of Object.entries(tree)) {
      const place = `${option('--directory')}/${path}`;
      this.put(place, text);
      chmodSync(this.at(place), 0o755);
      this.unsynced.add(place);
    }
    return '';
  }

  #ctr([verb, ...rest]: readonly string[]): Answer {
    if (!this.units.has('containerd.service')) return { exitCode: 1, stderr: 'connection refused' };
    if (verb === 'list') return [...this.images].join('\n');
    if (verb === 'import') {
      const name = readFileSync(this.at(rest[0] ?? ''), 'utf8').trim();
      this.images.add(`docker.io/library/${name}:1`);
    }
    if (verb === 'remove') for (const name of rest) this.images.delete(name);
    return '';
  }

  #modprobe(args: readonly string[]): Answer {
    const name = args.at(-1) ?? '';
    if (args.includes('--dry-run')) return name === 'overlay' ? '' : { exitCode: 1 };
    if (args.includes('--remove')) {
      this.modules.delete(name);
      this.put('/proc/modules', '');
      rmSync(this.at(`/sys/module/${name}`), { recursive: true, force: true });
    } else {
      this.modules.add(name);
      this.put('/proc/modules', `${name} 16384 0 - Live 0x0\n`);
      mkdirSync(this.at(`/sys/module/${name}`), { recursive: true });
    }
    return '';
  }

  #exists(path: string): boolean {
    try {
      readFileSync(this.at(path));
      return true;
    } catch {
      return false;
    }
  }
}

/** The reserve: nobody writes into it, it is replaced, and hundreds of copies of it would fill the memory. */
const largeBytes = 1024 * 1024;

function copyTree(from: string, to: string): void {
  for (const name of readdirSync(from)) {
    const [source, target] = [join(from, name), join(to, name)];
    const status = lstatSync(source);
    if (status.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else if (status.isDirectory()) {
      mkdirSync(target);
      copyTree(source, target);
      chmodSync(target, status.mode & 0o7777);
    } else if (status.size > largeBytes) linkSync(source, target);
    else copyFileSync(source, target);
  }
}
