// `ssh -R` as a contender: a server of our own on a free port, with keys made for the occasion.
// Run as root it is started as an ordinary account, since a server that runs as root wants a
// user of its own on the machine.
import { existsSync } from 'node:fs';
import { chmod, chown, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { userInfo } from 'node:os';
import { basename, join } from 'node:path';
import { run } from '../../machine/command.ts';
import type { Contender, Targets } from './contender.ts';
import { listen } from './load.ts';
import { startProgram, usageOf } from './process.ts';
import { librariesOf, program } from './programs.ts';

export async function startSsh(
  name: string,
  targets: Targets,
  folder: string,
  options: readonly string[],
): Promise<Contender> {
  const home = join(folder, name);
  await mkdir(home);
  const root = process.getuid?.() === 0;
  const { user, uid } = root ? await ordinaryAccount() : { user: userInfo().username, uid: userInfo().uid };
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
      await chown(join(home, file), uid, uid);
  }
  const server = await program('usr/sbin/sshd');
  const client = await program('usr/bin/ssh');
  // By its full path, which it also runs again for every connection; the account
  // cannot look into root's cache.
  const sshdPath = join(home, 'sshd');
  await copyFile(server.path, sshdPath);
  for (const library of await librariesOf(server)) await copyFile(library, join(home, basename(library)));
  const sshd = startProgram(sshdPath, ['-D', '-e', '-f', join(home, 'sshd_config')], {
    ...(root ? { uid, gid: uid } : {}),
    environment: { LD_LIBRARY_PATH: home },
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
  const usage = () => Promise.all([usageOf([sshd.pid ?? 0]), usageOf([ssh.pid ?? 0])]);
  return { name, bulkPort, echoPort, usage };
}

/**
 * Any account but root that sshd lets in by key: not locked, and with a shell that
 * exists (it is never started).
 */
async function ordinaryAccount(): Promise<{ user: string; uid: number }> {
  const shadow = await readFile('/etc/shadow', 'utf8');
  for (const line of (await readFile('/etc/passwd', 'utf8')).split('\n')) {
    const [user = '', , id = '0', , , , shell = ''] = line.split(':');
    const locked = shadow.split('\n').some((entry) => entry.startsWith(`${user}:!`));
    if (Number(id) > 0 && !locked && existsSync(shell)) return { user, uid: Number(id) };
  }
  throw new Error('ssh needs one account besides root that is not locked');
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
