// What the tunnel is compared with. Each contender leads from two local ports, `bulkPort` and `echoPort`, to
// the two targets, over whatever it does in between.
import type { Authority } from './certificates.ts';
import type { Contender, Targets } from './contender.ts';
import { Role, usageOf } from './process.ts';
import { startSsh } from './ssh.ts';
import { startStunnel } from './stunnel.ts';

export async function startContenders(
  targets: Targets,
  folder: string,
  authority: Authority,
  wanted: (name: string) => boolean,
  profileFolder?: string,
): Promise<Contender[]> {
  const starts: [string, () => Promise<Contender>][] = [
    ['direct', async () => direct(targets)],
    ['two-node-pipes', () => pipes(targets)],
    ['regnode', () => regnode('regnode', targets, undefined, profileFolder)],
    ['regnode-tls', () => regnode('regnode-tls', targets, authority, profileFolder)],
    ['ssh', () => startSsh('ssh', targets, folder, [])],
    ['ssh-aes128-gcm', () => startSsh('ssh-aes128-gcm', targets, folder, ['-c', 'aes128-gcm@openssh.com'])],
    ['stunnel', () => startStunnel(targets, folder, authority)],
  ];
  const contenders: Contender[] = [];
  for (const [name, start] of starts) if (wanted(name)) contenders.push(await start());
  return contenders;
}

function direct({ bulk, echo }: Targets): Contender {
  return {
    name: 'direct',
    bulkPort: bulk,
    echoPort: echo,
    usage: () => Promise.all([usageOf([]), usageOf([])]),
  };
}

async function pipes({ bulk, echo }: Targets): Promise<Contender> {
  const [near, far] = [new Role(), new Role()];
  const chain = async (to: number) =>
    near.ask<number>({ kind: 'pipe', to: await far.ask<number>({ kind: 'pipe', to }) });
  return {
    name: 'two-node-pipes',
    bulkPort: await chain(bulk),
    echoPort: await chain(echo),
    usage: () => Promise.all([near.usage(), far.usage()]),
  };
}

async function regnode(
  name: string,
  targets: Targets,
  authority: Authority | undefined,
  profileFolder: string | undefined,
): Promise<Contender> {
  const options = profileFolder ? { profileFolder } : {};
  const [gateway, agent] = [new Role(options), new Role(options)];
  const port = await gateway.ask<number>({ kind: 'gateway', identity: await authority?.issue('gateway') });
  const url = `${authority ? 'https' : 'http'}://127.0.0.1:${port}`;
  const identity = await authority?.issue('idc-1');
  await agent.ask({ kind: 'agent', url, identity, targets: { bulk: targets.bulk, echo: targets.echo } });
  while ((await gateway.ask<number>({ kind: 'connected' })) === 0) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    name,
    bulkPort: await gateway.ask<number>({ kind: 'entry', target: 'bulk' }),
    echoPort: await gateway.ask<number>({ kind: 'entry', target: 'echo' }),
    usage: () => Promise.all([gateway.usage(), agent.usage()]),
    async copiedBytes(work) {
      const ends = [gateway, agent];
      await Promise.all(ends.map((end) => end.ask({ kind: 'startCounting' })));
      await work();
      const copied = await Promise.all(ends.map((end) => end.ask<number>({ kind: 'stopCounting' })));
      return copied.reduce((sum, bytes) => sum + bytes, 0);
    },
  };
}
