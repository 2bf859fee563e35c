// The one door to the operating system. Everything else in the agent is handed a Host: it neither imports
// node:fs, node:child_process or node:os, nor reads a clock. `createHost()` in real.ts is the real one;
// tests use a fixture root (a folder that stands for `/`) or wrap a Host to make faults at this door.
import type { Answering } from './answering.ts';
import type { Inventory } from './inventory.ts';
import type { SocketAddress } from './socket-table.ts';
import type { SpoolDisk } from './spool-files.ts';

export type FileKind = 'file' | 'directory' | 'link' | 'socket' | 'other';

export interface FileStatus {
  readonly kind: FileKind;
  /** Permission bits only, e.g. 0o644. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly device: number;
  readonly inode: number;
  /** Of its content. */
  readonly modifiedMs: number;
  /** Where a link points, as written in it. */
  readonly target?: string;
}

export interface FileSpace {
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** 0 where inodes are made as they are needed. */
  readonly totalInodes: number;
  readonly freeInodes: number;
}

export interface WriteOptions {
  readonly mode: number;
  readonly uid?: number;
  readonly gid?: number;
}

export interface RunOptions {
  /** Default 30 000. */
  readonly timeoutMs?: number;
  /** Default 1 MiB; more is cut and `truncated` set. */
  readonly outputLimitBytes?: number;
  /** Of too much, the last whole lines are kept and the command may finish; otherwise it is ended. */
  readonly keepsEnd?: boolean;
  readonly signal?: AbortSignal;
  readonly input?: string | Uint8Array;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface RunResult {
  /** null when the command was not found or was ended by a signal or the time limit. */
  readonly exitCode: number | null;
  readonly outcome: 'exited' | 'not-found' | 'timed-out' | 'signalled';
  readonly stdout: string;
  readonly stderr: string;
  readonly truncated: boolean;
}

export interface MountPoint {
  readonly path: string;
  /** major:minor; the same for a bind mount as for where it comes from. */
  readonly device: string;
  /** Which folder of that file system is shown here; `/` unless it is a bind mount. */
  readonly root: string;
  readonly fileSystem: string;
  readonly source: string;
  readonly options: readonly string[];
}

export interface NetworkInterface {
  readonly name: string;
  readonly mtu: number;
  /** `up`, `down`, `unknown`, … as in /sys/class/net/NAME/operstate. */
  readonly state: string;
  readonly macAddress: string;
  /** With prefix length, e.g. 10.77.0.11/24. */
  readonly addresses: readonly string[];
}

/**
 * An append-only file; `append` resolves when the bytes are on the disk (fdatasync). One that fails leaves
 * the file as it was before; where even that is refused, every later one fails too.
 */
export interface DurableAppender {
  append(bytes: string | Uint8Array): Promise<void>;
  close(): Promise<void>;
}

export interface RemoveOptions {
  /** Keeps the folder itself (and is the only way to empty one that is a mount point). */
  readonly contentsOnly?: boolean;
  /** Names right in the folder that stay. */
  readonly kept?: readonly string[];
}

export interface HostFiles {
  /** undefined when there is no such file; limit default 16 MiB, above it the Fault CONFIGURATION_INVALID. */
  readText(path: string, limitBytes?: number): Promise<string | undefined>;
  readBytes(path: string, limitBytes?: number): Promise<Uint8Array | undefined>;
  list(path: string): Promise<readonly string[] | undefined>;
  /** lstat: never follows a link. */
  status(path: string): Promise<FileStatus | undefined>;
  /** stat: follows links. */
  exists(path: string): Promise<boolean>;
  /**
   * Where the path really lies: every link in it followed, what is not there yet as it is written.
   * What the kernel tells (mount points, programs of processes) is compared with this, never with a
   * path of ours as it is written.
   */
  resolve(path: string): Promise<string>;
  /** temp file beside it, fsync, chown/chmod, rename, fsync of the directory. */
  write(path: string, content: string | Uint8Array, options: WriteOptions): Promise<void>;
  openAppender(path: string, mode: number): Promise<DurableAppender>;
  /**
   * Writes a stream to a file (resumable: appends at `offset`), returns the size. Not synced: for what is
   * verified before it is used.
   */
  writeStream(
    path: string,
    source: AsyncIterable<Uint8Array>,
    options: { mode: number; offset?: number },
  ): Promise<number>;
  /** The bytes from `start` up to and without `end`; follows links. */
  readStream(path: string, start: number, end: number): AsyncIterable<Uint8Array>;
  makeDirectory(path: string, mode: number): Promise<void>;
  makeLink(path: string, target: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  removeFile(path: string): Promise<void>;
  /** Only when empty; false when it was not. */
  removeEmptyDirectory(path: string): Promise<boolean>;
  /** Never follows a link, never enters another device or mount point; returns what it had to leave. */
  removeTree(path: string, options?: RemoveOptions): Promise<readonly string[]>;
  setMode(path: string, options: WriteOptions): Promise<void>;
  sync(path: string): Promise<void>;
  /** Of a file of up to 8 GiB, or of less. */
  sha256(path: string, limitBytes?: number): Promise<string | undefined>;
  space(path: string): Promise<FileSpace>;
}

export interface HostProcesses {
  /** Never a shell string; a command that fails is a result, not an exception. */
  run(command: string, args: readonly string[], options?: RunOptions): Promise<RunResult>;
  /**
   * The pid that holds the lock at `path`, or a release function: held only as long as this process lives.
   */
  lock(
    path: string,
    command: string,
  ): Promise<{ release(): Promise<void> } | { holderPid: number; holderCommand: string }>;
  readonly uid: number;
  readonly pid: number;
}

/** What one HTTPS request showed, trusted or not; nothing secret is ever sent with it. */
export interface HttpsProbe {
  /** To the server, or to the proxy when there is one. */
  readonly connectMs: number;
  /** From CONNECT to its answer; only through a proxy. */
  readonly proxyMs?: number;
  readonly handshakeMs: number;
  /** From the request to the head of its answer. */
  readonly answerMs?: number;
  /** False when the certificate does not lead to `caPem`, does not name the server, or is not valid now. */
  readonly trusted: boolean;
  /** OpenSSL's code for why not, e.g. CERT_HAS_EXPIRED; empty when trusted. */
  readonly distrust: string;
  readonly validFromMs: number;
  readonly validUntilMs: number;
  readonly status: number;
  /** The server's Date header beside this host's clock at that moment; undefined without such a header. */
  readonly serverTimeMs?: number;
  readonly hostTimeMs: number;
}

export interface HttpsProbeOptions {
  readonly timeoutMs: number;
  /** Without it trust is judged by the roots that the runtime brings. */
  readonly caPem?: string;
  /** http://proxy:port; the request then goes through CONNECT. */
  readonly proxyUrl?: string;
  readonly signal?: AbortSignal;
}

export interface Route {
  readonly device: string;
  readonly source: string;
  readonly gateway?: string;
  /**
   * Of this route, when it is another than the device's: set by hand, or learned from a router on the way.
   */
  readonly mtuBytes?: number;
}

export interface Datagram {
  readonly bytes: Buffer;
  readonly address: string;
  readonly port: number;
  /** Taken before anybody else was called. */
  readonly receivedAtMs: number;
  readonly receivedMonotonicMs: number;
}

export interface DatagramOptions {
  /** 0: any. */
  readonly port: number;
  readonly localAddress: string;
  readonly onDatagram: (datagram: Datagram) => void;
}

export interface DatagramSocket {
  readonly port: number;
  /** Throws the system's error: EMSGSIZE, EPERM (a packet filter here), ENETUNREACH, … */
  send(bytes: Uint8Array, to: { readonly address: string; readonly port: number }): Promise<void>;
  close(): Promise<void>;
}

export interface GetOptions {
  readonly timeoutMs: number;
  /** Trusted instead of the runtime's roots. */
  readonly caPem?: string;
  /** Both or none: who asks. */
  readonly certificatePem?: string;
  readonly keyPem?: string;
  /** Whose certificate is expected, when it is not the name in the URL. */
  readonly serverName?: string;
  /** Default 4 MiB. */
  readonly limitBytes?: number;
  /**
   * Of a port of this host: nothing is asked, and EACCES thrown, unless a process of root's answers there.
   */
  readonly rootOnly?: boolean;
  readonly signal?: AbortSignal;
}

export interface GetAnswer {
  readonly status: number;
  readonly body: string;
}

export interface HostNetwork {
  /**
   * The uid that holds the socket at `own`, which is connected to `other` on this host; undefined: nobody
   * does, or the answer is not wanted any more. See socket-owners.ts.
   */
  ownerOf(own: SocketAddress, other: SocketAddress, isWanted?: () => boolean): Promise<number | undefined>;
  /** Whether the kubelet that runs now holds the socket at `own`, which is connected to `other`. */
  isKubelets(own: SocketAddress, other: SocketAddress): Promise<boolean>;
  /** Of a port of this host, before it is dialled: see answering.ts. */
  beforeDial(): Answering;
  interfaces(): Promise<readonly NetworkInterface[]>;
  resolve(name: string): Promise<readonly string[]>;
  /** Milliseconds until connected; throws the system's error (code ECONNREFUSED, ETIMEDOUT, …). */
  connect(address: string, port: number, timeoutMs: number): Promise<number>;
  /**
   * One GET whose answer is thrown away; throws the system's error when no answer came. See https-probe.ts.
   */
  probeHttps(url: string, options: HttpsProbeOptions): Promise<HttpsProbe>;
  /**
   * One GET over http or https, trusted or refused; throws the system's error when
   * no answer came. See get.ts.
   */
  get(url: string, options: GetOptions): Promise<GetAnswer>;
  /** True when a listener could be bound there now. */
  canListen(port: number, protocol: 'tcp' | 'udp'): Promise<boolean>;
  /** The device and source address of the route to an IP address, or undefined when there is none. */
  routeTo(address: string): Promise<Route | undefined>;
  /** A UDP socket; throws the system's error when the port is taken. The caller closes it. */
  openDatagrams(options: DatagramOptions): Promise<DatagramSocket>;
}

export interface HostClock {
  nowMs(): number;
  monotonicMs(): number;
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

export interface Host {
  readonly files: HostFiles;
  readonly processes: HostProcesses;
  readonly network: HostNetwork;
  readonly clock: HostClock;
  /** Of this process, without the token of a join. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  hostname(): Promise<string>;
  kernel(): Promise<{ release: string; machine: string }>;
  mounts(): Promise<readonly MountPoint[]>;
  /** Reads and writes /proc/sys; names with dots as sysctl(8) has them. */
  sysctl(name: string): Promise<string | undefined>;
  setSysctl(name: string, value: string): Promise<void>;
  /** Starts programs that list devices; takes seconds. */
  inventory(): Promise<Inventory>;
  /** The folder of the telemetry's spool. */
  openSpool(folder: string): SpoolDisk;
}
