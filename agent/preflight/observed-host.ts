// The host as preflight and the doctor may see it: it can only be read, and each thing is read once,
// however many checks ask. That "preflight changes nothing" is therefore a property of this file and not
// of the goodwill of sixty others: every mutating function of the door throws here, and only the
// commands listed below may run.
import type { Host, HostFiles, HostNetwork, HostProcesses, RunOptions } from '../host/host.ts';

/**
 * Commands that only read, with the arguments that make them so. None may load a kernel module: see callers.
 */
export type ReadingCommands = Readonly<Record<string, RegExp>>;
export const readingCommands: ReadingCommands = {
  systemctl: /^(show --property=[A-Za-z,]+( [a-z0-9@.-]+)+|show-environment|--version)$/,
  getconf: /^GNU_LIBC_VERSION$/,
  chronyc: /^-n tracking$/,
  timedatectl: /^status$/,
  iptables: /^--version$/,
  'iptables-save': /^-t filter$/,
  'iptables-legacy-save': /^-t filter$/,
  nft: /^list ruleset$/,
  ip: /^(xfrm policy|-o -d link show)$/,
  xfs_info: /^\/\S*$/,
};

/** A host with thousands of packet filter rules or links is an ordinary one. */
const commandLimits: RunOptions = {
  timeoutMs: 3500,
  outputLimitBytes: 16 * 1024 * 1024,
  environment: { LC_ALL: 'C' },
};

/** A view of `host` for one run of preflight, or of the doctor with `commands` of its own. */
export function observe(host: Host, signal?: AbortSignal, commands = readingCommands): Host {
  const remember = memory();
  return {
    files: readingFiles(host.files, remember),
    processes: readingProcesses(host.processes, remember, signal, commands),
    network: readingNetwork(host.network, remember),
    clock: host.clock,
    environment: host.environment,
    hostname: () => remember('hostname', [], () => host.hostname()),
    kernel: () => remember('kernel', [], () => host.kernel()),
    mounts: () => remember('mounts', [], () => host.mounts()),
    sysctl: (name) => remember('sysctl', [name], () => host.sysctl(name)),
    setSysctl: refuse('setSysctl'),
    inventory: () => remember('inventory', [], () => host.inventory()),
    openSpool: () => {
      throw refused('openSpool');
    },
  };
}

type Remember = <T>(what: string, key: readonly unknown[], ask: () => Promise<T>) => Promise<T>;

function memory(): Remember {
  const answers = new Map<string, Promise<unknown>>();
  return <T>(what: string, key: readonly unknown[], ask: () => Promise<T>) => {
    const name = JSON.stringify([what, ...key]);
    const known = answers.get(name) as Promise<T> | undefined;
    if (known) return known;
    const answer = ask();
    answers.set(name, answer);
    return answer;
  };
}

function readingFiles(files: HostFiles, remember: Remember): HostFiles {
  return {
    readText: (path, limit) => remember('readText', [path, limit], () => files.readText(path, limit)),
    readBytes: (path, limit) => remember('readBytes', [path, limit], () => files.readBytes(path, limit)),
    list: (path) => remember('list', [path], () => files.list(path)),
    status: (path) => remember('status', [path], () => files.status(path)),
    exists: (path) => remember('exists', [path], () => files.exists(path)),
    resolve: (path) => remember('resolve', [path], () => files.resolve(path)),
    sha256: (path, limitBytes) => remember('sha256', [path], () => files.sha256(path, limitBytes)),
    space: (path) => remember('space', [path], () => files.space(path)),
    readStream: files.readStream,
    write: refuse('write'),
    openAppender: refuse('openAppender'),
    writeStream: refuse('writeStream'),
    makeDirectory: refuse('makeDirectory'),
    makeLink: refuse('makeLink'),
    rename: refuse('rename'),
    removeFile: refuse('removeFile'),
    removeEmptyDirectory: refuse('removeEmptyDirectory'),
    removeTree: refuse('removeTree'),
    setMode: refuse('setMode'),
    sync: refuse('sync'),
  };
}

function readingProcesses(
  processes: HostProcesses,
  remember: Remember,
  signal: AbortSignal | undefined,
  commands: ReadingCommands,
): HostProcesses {
  return {
    uid: processes.uid,
    pid: processes.pid,
    lock: refuse('lock'),
    run: (command, args) => {
      const allowed = commands[command]?.test(args.join(' '));
      if (!allowed) return refuse(`run ${[command, ...args].join(' ')}`)();
      return remember('run', [command, args], () =>
        processes.run(command, args, {
          ...commandLimits,
          // The latest lines matter, and nobody may hide them by long ones before.
          keepsEnd: command === 'journalctl',
          ...(signal && { signal }),
        }),
      );
    },
  };
}

function readingNetwork(network: HostNetwork, remember: Remember): HostNetwork {
  return {
    interfaces: () => remember('interfaces', [], () => network.interfaces()),
    resolve: (name) => remember('resolve', [name], () => network.resolve(name)),
    routeTo: (address) => remember('routeTo', [address], () => network.routeTo(address)),
    canListen: (port, protocol) =>
      remember('canListen', [port, protocol], () => network.canListen(port, protocol)),
    // Not remembered: a time is measured again when it is long.
    connect: (address, port, timeoutMs) => network.connect(address, port, timeoutMs),
    ownerOf: (own, other, isWanted) => network.ownerOf(own, other, isWanted),
    isKubelets: (own, other) => network.isKubelets(own, other),
    beforeDial: () => network.beforeDial(),
    openDatagrams: refuse('openDatagrams'),
    get: (url, options) => remember('get', [url], () => network.get(url, options)),
    probeHttps: (url, options) => remember('probeHttps', [url], () => network.probeHttps(url, options)),
  };
}

function refuse(what: string): (...args: readonly unknown[]) => Promise<never> {
  return async () => {
    throw refused(what);
  };
}

const refused = (what: string) => new Error(`preflight changes nothing, so it may not ${what}`);
