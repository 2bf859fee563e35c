// stunnel as a contender: a client and a server process with TLS and client certificates between them.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Authority } from './certificates.ts';
import type { Contender, Targets } from './contender.ts';
import { startProgram, usageOf } from './process.ts';
import { program } from './programs.ts';
import { answering, freePort } from './ssh.ts';

export async function startStunnel(
  targets: Targets,
  folder: string,
  authority: Authority,
): Promise<Contender> {
  const home = join(folder, 'stunnel');
  await mkdir(home);
  const { path, environment } = await program('usr/bin/stunnel4');
  const [bulkPort, echoPort, bulkTls, echoTls] = await Promise.all([
    freePort(),
    freePort(),
    freePort(),
    freePort(),
  ]);
  const write = async (side: 'client' | 'server', services: string[]): Promise<string> => {
    const { caPem, certificatePem, keyPem } = await authority.issue(side);
    await writeFile(join(home, `${side}.ca`), caPem);
    await writeFile(join(home, `${side}.pem`), `${keyPem}\n${certificatePem}\n`, { mode: 0o600 });
    const file = join(home, `${side}.conf`);
    const common = [
      'foreground = yes',
      'debug = 3',
      `pid = ${join(home, `${side}.pid`)}`,
      `client = ${side === 'client' ? 'yes' : 'no'}`,
      `cert = ${join(home, `${side}.pem`)}`,
      `CAfile = ${join(home, `${side}.ca`)}`,
      'verifyChain = yes',
      'socket = l:TCP_NODELAY=1',
      'socket = r:TCP_NODELAY=1',
    ];
    await writeFile(file, [...common, ...services, ''].join('\n'));
    return file;
  };
  const service = (name: string, accept: number, connect: number) => [
    `[${name}]`,
    `accept = 127.0.0.1:${accept}`,
    `connect = 127.0.0.1:${connect}`,
  ];
  const server = await write('server', [
    ...service('bulk', bulkTls, targets.bulk),
    ...service('echo', echoTls, targets.echo),
  ]);
  const client = await write('client', [
    ...service('bulk', bulkPort, bulkTls),
    ...service('echo', echoPort, echoTls),
  ]);
  const [far, near] = [server, client].map((file) => startProgram(path, [file], { environment }));
  await answering(echoPort);
  const usage = () => Promise.all([usageOf([near?.pid ?? 0]), usageOf([far?.pid ?? 0])]);
  return { name: 'stunnel', bulkPort, echoPort, usage };
}
