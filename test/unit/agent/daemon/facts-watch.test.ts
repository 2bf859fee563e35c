// The host's word about itself: told on each connection and when it changes, at a bounded
// pace, again while it is refused.
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FactsWatch } from '../../../../agent/daemon/facts-watch.ts';
import type { Host, NetworkInterface } from '../../../../agent/host/host.ts';
import { Fault } from '../../../../protocol/catalogue/fault.ts';
import { background } from '../../../../protocol/defect.ts';
import type { FactsResponse, HostFacts } from '../../../../protocol/messages/join.ts';
import { gatewayUrl, withDistribution } from '../../../fixtures/distribution.ts';

let address: string;
let answer: (facts: HostFacts) => FactsResponse;
let isConnected: boolean;
let told: HostFacts[];
let moves: number;
let gathered: number;
let elapsedMs: number;
let turn: () => Promise<void>;
let stop: AbortController;

beforeEach(() => {
  address = '10.77.0.11';
  answer = ({ addresses }) => ({ addresses: [...addresses] });
  isConnected = true;
  told = [];
  moves = 0;
  gathered = 0;
  elapsedMs = 0;
  stop = new AbortController();
});
afterEach(() => stop.abort());

/** Runs until `use` has ended; each `pass` is one look after so many milliseconds. */
async function watching(
  use: (watch: FactsWatch, pass: (milliseconds?: number) => Promise<void>) => Promise<void>,
): Promise<void> {
  await withDistribution('tencentos-3.1', {}, async (plain) => {
    let end = () => {};
    let paused: () => void = () => {};
    const card = (): NetworkInterface => ({
      ...{ name: 'eth0', mtu: 1500, state: 'up', macAddress: '52:54:00:00:00:11' },
      addresses: [`${address}/24`],
    });
    const host: Host = {
      ...plain,
      kernel: () => {
        gathered += 1;
        return plain.kernel();
      },
      clock: {
        nowMs: () => elapsedMs,
        monotonicMs: () => elapsedMs,
        sleep: (_milliseconds, signal) =>
          new Promise((resolve) => {
            end = resolve;
            signal?.addEventListener('abort', () => resolve(), { once: true });
            paused();
          }),
      },
      network: {
        ...plain.network,
        interfaces: async () => [card()],
        routeTo: async () => ({ device: 'eth0', source: address }),
      },
    };
    const watch = new FactsWatch({
      ...{ host, gatewayUrl, signal: stop.signal, logger: pino({ level: 'silent' }) },
      gateway: {
        tellFacts: async (facts) => {
          told.push(facts);
          return answer(facts);
        },
      },
      isConnected: () => isConnected,
      onMoved: () => {
        moves += 1;
      },
    });
    turn = () =>
      new Promise((resolve) => {
        paused = resolve;
        end();
      });
    const first = new Promise<void>((resolve) => {
      paused = resolve;
    });
    background('facts watch', watch.run());
    await first;
    await use(watch, async (milliseconds = 5000) => {
      elapsedMs += milliseconds;
      await turn();
    });
    stop.abort();
  });
}

test('told once on a connection, and again on the next one', async () => {
  await watching(async (watch, pass) => {
    await pass();
    await pass();
    expect(told).toHaveLength(1);
    watch.connected();
    await pass();
    expect(told).toHaveLength(2);
    expect(watch.judged).toEqual({ addresses: ['10.77.0.11'] });
  });
});

test('another address is told within a look, and whoever lives by it hears of it', async () => {
  await watching(async (_watch, pass) => {
    address = '10.77.0.99';
    await pass();
    expect(told.map(({ addresses }) => addresses[0])).toEqual(['10.77.0.11', '10.77.0.99']);
    expect(moves).toBe(1);
  });
});

test('nothing is told, and nothing is started, while there is no connection', async () => {
  await watching(async (watch, pass) => {
    isConnected = false;
    watch.connected();
    await pass();
    const after = gathered;
    for (let look = 0; look < 20; look++) await pass();
    expect(told).toHaveLength(1);
    expect(gathered).toBe(after);
    isConnected = true;
    await pass();
    expect(told).toHaveLength(2);
  });
});

test('an address that changes at every look is told a few times, then twice a minute', async () => {
  await watching(async (_watch, pass) => {
    for (let look = 0; look < 60; look++) {
      address = `10.77.0.${100 + look}`;
      await pass();
    }
    // Five minutes: three at once, then one in 30 s.
    expect(told.length).toBeLessThanOrEqual(3 + 10);
    expect(told.length).toBeGreaterThan(5);
  });
});

test('what is refused is asked again, and is right as soon as the gateway says so', async () => {
  answer = ({ addresses }) => ({ addresses: [], refused: { address: addresses[0] ?? '', detail: 'taken' } });
  await watching(async (watch, pass) => {
    expect(watch.judged?.refused).toMatchObject({ detail: 'taken' });
    answer = ({ addresses }) => ({ addresses: [...addresses] });
    await pass();
    expect(told).toHaveLength(1);
    await pass(60_000);
    expect(told).toHaveLength(2);
    expect(watch.judged).toEqual({ addresses: ['10.77.0.11'] });
  });
});

test('a gateway that does not know the question is asked now and then, and ends nothing', async () => {
  answer = () => {
    throw new Fault('PATH_UNKNOWN', { path: '/v1/node/facts' });
  };
  await watching(async (_watch, pass) => {
    for (let look = 0; look < 60; look++) await pass();
    expect(told.length).toBeGreaterThan(1);
    expect(told.length).toBeLessThanOrEqual(3 + 10);
  });
});
