// A gateway's name with an address for each replica, and no balancer: real TLS on two addresses of loopback.
import type { LookupAddress } from 'node:dns';
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GatewayAddresses } from '../../../agent/tunnel/addresses.ts';
import { TunnelHub } from '../../../gateway/tunnel/hub.ts';
import { type Gateway, Loopback, reached, silent, startGateway, until } from './loopback.ts';

const both: LookupAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '127.0.0.2', family: 4 },
];
const quick = { pingIntervalMs: 200, suspectAfterMs: 400, deadAfterMs: 800, upgradeTimeoutMs: 500 };

describe('the order', () => {
  const ask = (addresses: GatewayAddresses) =>
    new Promise<string[]>((resolve) => {
      addresses.lookup('gateway', { all: true }, (_error, found) => {
        resolve((found as LookupAddress[]).map(({ address }) => address));
      });
    });

  test('is the resolver’s; who failed comes behind, who failed last at the end; who works is where it was', async () => {
    const three = [...both, { address: '127.0.0.3', family: 4 }];
    const addresses = new GatewayAddresses((_host, answer) => answer(null, three));
    expect(await ask(addresses)).toEqual(['127.0.0.1', '127.0.0.2', '127.0.0.3']);
    addresses.failed('127.0.0.2');
    addresses.failed('127.0.0.1');
    expect(await ask(addresses)).toEqual(['127.0.0.3', '127.0.0.2', '127.0.0.1']);
    addresses.failed('127.0.0.3');
    expect(await ask(addresses)).toEqual(['127.0.0.2', '127.0.0.1', '127.0.0.3']);
    addresses.worked('127.0.0.1');
    expect(await ask(addresses)).toEqual(['127.0.0.1', '127.0.0.2', '127.0.0.3']);
  });

  test('a name that is not known is an error, and one address is asked for as one', async () => {
    const unknown = Object.assign(new Error('getaddrinfo ENOTFOUND gateway'), { code: 'ENOTFOUND' });
    const said = await new Promise((resolve) => {
      new GatewayAddresses((_host, answer) => answer(unknown, [])).lookup('gateway', { all: true }, resolve);
    });
    expect(said).toBe(unknown);
    const one = await new Promise((resolve) => {
      const addresses = new GatewayAddresses((_host, answer) => answer(null, both));
      addresses.failed('127.0.0.1');
      addresses.lookup('gateway', {}, (_error, address, family) => resolve([address, family]));
    });
    expect(one).toEqual(['127.0.0.2', 4]);
  });

  test('remembers no more than so many', async () => {
    const addresses = new GatewayAddresses((_host, answer) => answer(null, both));
    addresses.failed('127.0.0.1');
    for (let index = 0; index < 1000; index++) addresses.failed(`10.0.${index % 256}.${index >> 8}`);
    expect(await ask(addresses)).toHaveLength(2);
  });
});

describe('two replicas', () => {
  let loopback: Loopback;
  let second: Gateway;
  let addresses: GatewayAddresses;
  const at: string[] = [];

  beforeEach(async () => {
    at.length = 0;
    loopback = await Loopback.start(quick);
    loopback.gateway.hub.onSession(() => at.push('first'));
    second = await openSecond(loopback.gateway.port);
    addresses = new GatewayAddresses((_host, answer) => answer(null, both));
  });
  afterEach(() => loopback.close());

  async function openSecond(port: number): Promise<Gateway> {
    const hub = new TunnelHub({ logger: silent, limits: quick, connectionsPerMinute: 10_000 });
    const gateway = await startGateway(loopback.authority, quick, port, hub, '127.0.0.2');
    hub.onSession(() => at.push('second'));
    loopback.defer(() => gateway.close().catch(() => {}));
    return gateway;
  }

  const agent = () =>
    loopback.agentWithoutWaiting('idc-1', {
      url: `https://localhost:${loopback.gateway.port}`,
      addresses,
      limits: quick,
    });

  test('one that is killed: the tunnel is at the other, and stays there when the first is back', async () => {
    const tunnel = await agent();
    await reached(tunnel, 'Open');
    expect(at).toEqual(['first']);
    await loopback.gateway.close();
    await until(() => at.length === 2);
    await until(() => tunnel.state === 'Open');
    expect(at).toEqual(['first', 'second']);
    expect(second.hub.nodes()).toEqual(['idc-1']);
    expect(second.sockets.length, 'and it did not come twice').toBe(1);
  }, 20_000);

  test('one where something else listens that never answers: the next attempt goes to the other', async () => {
    const port = loopback.gateway.port;
    await loopback.gateway.close();
    const mute = net.createServer((socket) => socket.on('error', () => {}).resume());
    await new Promise<void>((resolve) => mute.listen(port, '127.0.0.1', resolve));
    loopback.defer(() => void mute.close());
    const tunnel = await agent();
    await reached(tunnel, 'Open');
    expect(at).toEqual(['second']);
    expect(tunnel.status.attempts).toBe(2);
  }, 20_000);

  test('a name that the host itself resolves', async () => {
    const url = `https://localhost:${loopback.gateway.port}`;
    const tunnel = await loopback.agentWithoutWaiting('idc-1', { url });
    await reached(tunnel, 'Open');
    expect(at).toEqual(['first']);
  });

  test('none: said with each address, and found again when one is back', async () => {
    const port = loopback.gateway.port;
    await Promise.all([loopback.gateway.close(), second.close()]);
    const tunnel = await agent();
    await until(() => tunnel.status.lastFault !== undefined);
    expect(tunnel.status.lastFault?.message).toContain(`127.0.0.1:${port}`);
    expect(tunnel.status.lastFault?.message).toContain(`127.0.0.2:${port}`);
    second = await openSecond(port);
    await reached(tunnel, 'Open');
    expect(at).toEqual(['second']);
  }, 20_000);
});
