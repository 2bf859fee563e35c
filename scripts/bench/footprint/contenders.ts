// Who is measured beside the agent: a bare node, Debian's prometheus-node-exporter scraped as Prometheus
// does it, and collectd, the one full agent that Debian 12 has, sending to a socket of ours. All on this
// machine, at the same intervals.
import { type ChildProcess, spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { mkdir, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { unpackPackages } from '../../machine/apt.ts';
import { cached } from '../../machine/cache.ts';
import type { Progress } from '../../machine/progress.ts';

export interface Contender {
  readonly name: string;
  readonly pid: number;
  /** Both directions, without TCP's and IP's own headers. */
  wireBytes(): number | Promise<number>;
  stop(): void;
}

export function bareNode(): Contender {
  const child = start(process.execPath, ['-e', 'setInterval(() => {}, 1e6)']);
  return { name: 'bare_node', pid: pidOf(child), wireBytes: () => 0, stop: () => void child.kill('SIGKILL') };
}

export async function nodeExporter(intervalMs: number, progress: Progress): Promise<Contender> {
  const root = await cached('debian-node-exporter/1', progress, (staging) =>
    unpackPackages(['prometheus-node-exporter'], staging, progress),
  );
  const port = 19_100 + intervalMs / 1000;
  const child = start(join(root, 'usr/bin/prometheus-node-exporter'), [
    `--web.listen-address=127.0.0.1:${port}`,
  ]);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const sockets = new Set<Socket>();
  let bytesOfClosed = 0;
  const scrape = () => {
    const headers = {
      accept: 'text/plain;version=0.0.4',
      'accept-encoding': 'gzip',
      'user-agent': 'Prometheus/2.42.0',
    };
    const request = http.get({ port, host: '127.0.0.1', path: '/metrics', agent, headers }, (answer) =>
      answer.resume(),
    );
    request.on('error', () => undefined);
    request.on('socket', (socket) => {
      if (sockets.has(socket)) return;
      sockets.add(socket);
      socket.once('close', () => {
        sockets.delete(socket);
        bytesOfClosed += socket.bytesRead + socket.bytesWritten;
      });
    });
  };
  const timer = setInterval(scrape, intervalMs);
  return {
    name: `node_exporter_${intervalMs / 1000}s`,
    pid: pidOf(child),
    wireBytes: () =>
      [...sockets].reduce((sum, socket) => sum + socket.bytesRead + socket.bytesWritten, bytesOfClosed),
    stop: () => {
      clearInterval(timer);
      agent.destroy();
      child.kill('SIGKILL');
    },
  };
}

export async function collectd(intervalMs: number, folder: string, progress: Progress): Promise<Contender> {
  const root = await cached('debian-collectd/1', progress, (staging) =>
    unpackPackages(['collectd-core', 'libgcrypt20', 'libgpg-error0'], staging, progress),
  );
  const sink = dgram.createSocket('udp4');
  let bytes = 0;
  sink.on('message', (message) => {
    bytes += message.byteLength;
  });
  await new Promise<void>((resolve) => sink.bind(0, '127.0.0.1', resolve));
  const { port } = sink.address() as AddressInfo;
  const own = join(folder, `collectd-${intervalMs}`);
  await mkdir(own, { recursive: true });
  const plugins = [
    'cpu',
    'df',
    'interface',
    'load',
    'memory',
    'processes',
    'protocols',
    'contextswitch',
    'conntrack',
    'vmem',
    'swap',
  ];
  const configuration = [
    `BaseDir "${own}"`,
    `PIDFile "${own}/pid"`,
    `PluginDir "${root}/usr/lib/collectd"`,
    `TypesDB "${root}/usr/share/collectd/types.db"`,
    `Interval ${intervalMs / 1000}`,
    ...plugins.map((plugin) => `LoadPlugin ${plugin}`),
    'LoadPlugin network',
    `<Plugin network>\n  Server "127.0.0.1" "${port}"\n</Plugin>`,
  ];
  await writeFile(join(own, 'conf'), `${configuration.join('\n')}\n`);
  const child = start(join(root, 'usr/sbin/collectd'), ['-f', '-C', join(own, 'conf')], {
    LD_LIBRARY_PATH: join(root, 'usr/lib/x86_64-linux-gnu'),
  });
  return {
    name: `collectd_${intervalMs / 1000}s`,
    pid: pidOf(child),
    wireBytes: () => bytes,
    stop: () => {
      child.kill('SIGKILL');
      sink.close();
    },
  };
}

function start(
  command: string,
  args: readonly string[],
  environment: Record<string, string> = {},
): ChildProcess {
  return spawn(command, [...args], { stdio: 'ignore', env: { ...process.env, ...environment } });
}

function pidOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error('a contender did not start');
  return pid;
}
