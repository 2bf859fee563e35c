// `ssh -R` as a contender: a server of our own on a free port, with keys made for the occasion. Run as root it is
// started as `nobody`, since a server that runs as root wants a user of its own on the machine.
import { chmod, chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { run } from '../../machine/command.ts';
import type { Contender, Targets } from './contenders.ts';
import { listen } from './load.ts';
import { startProgram, usageOf } from './process.ts';
import { program } from './programs.ts';

const nobody = 65_534;

export async function startSsh(
  name: string,
  targets: Targets,
  folder: string,
  options: readonly string[],
): Promise<Contender> {
  const home = join(folder, name);
  await mkdir(home);
  const root = process.getuid?.() === 0;
  const user = root ? 'nobody' : userInfo().username;
  const [hostKey, userKey] = [join(home, 'host_key'), join(home, 'user_key')];
  for (const key of [hostKey, userKey]) {
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  }
  const [port, bulkPort, echoPort] = [await freePort(), await freePort(), await freePort()];
  await writeFile(join(home, 'authorized_keys'), await readFile(`${userKey}.pub`));
  await writeFile(join(home, 'sshd_config'), serverConfiguration(home, hostKey, port, user));
  if (root) {
    await chmod(folder, 0o755);
    for (const file of ['host_key', 'authorized_keys', 'sshd_config', '.'])
      await chown(join(home, file), nobody, nobody);
  }
  const server = await program('usr/sbin/sshd');
  const client = await program('usr/bin/ssh');
  const sshd = startProgram(server.path, ['-D', '-e', '-f', join(home, 'sshd_config')], {
    ...(root ? { uid: nobody, gid: nobody } : {}),
    environment: server.environment,
  });
  await answering(port);
  const ssh = startProgram(
    client.path,
    [
      ...['-N', '-F', '/dev/null', '-i', userKey, '-p', String(port), ...options],
      ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR'],
      ...['-o', 'ExitOnForwardFailure=yes', '-o', 'BatchMode=yes'],
      ...['-R', `127.0.0.1:${bulkPort}:127.0.0.1:${targets.bulk}`],
      ...['-R', `127.0.0.1:${echoPort}:127.0.0.1:${targets.echo}`],
      `${user}@127.0.0.1`,
    ],
    { environment: client.environment },
  );
  await answering(echoPort);
  const pids = [sshd.pid, ssh.pid].filter((pid) => pid !== undefined);
  return { name, bulkPort, echoPort, usage: () => usageOf(pids) };
}

function serverConfiguration(home: string, hostKey: string, port: number, user: string): string {
  return [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${join(home, 'authorized_keys')}`,
    `PidFile ${join(home, 'pid')}`,
    `AllowUsers ${user}`,
    'UsePAM no',
    'StrictModes no',
    'PasswordAuthentication no',
    '',
  ].join('\n');
}

export async function freePort(): Promise<number> {
  const server = net.createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Resolves when something accepts connections on the port. */
export async function answering(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const connected = await new Promise<boolean>((resolve) => {
      const socket = net.connect(port, '127.0.0.1');
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (connected) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing answers on port ${port}`);
}
