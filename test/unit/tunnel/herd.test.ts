// A hundred agents that lose their gateway at the same moment: they come back spread out, each of them once.
import { expect, test } from 'vitest';
import { Loopback, startGateway, until } from './loopback.ts';

const agents = 100;

test('a hundred agents come back spread out, none twice', async () => {
  const loopback = await Loopback.start();
  try {
    const names = Array.from({ length: agents }, (_, index) => `idc-${index + 1}`);
    const tunnels = await Promise.all(names.map((name) => loopback.agent(name)));
    const { port } = loopback.gateway;
    await loopback.gateway.close();
    // Every attempt is refused until then, so everybody is somewhere in its backoff.
    await new Promise((resolve) => setTimeout(resolve, 2000));
    loopback.gateway = await startGateway(loopback.authority, {}, port);
    const { hub } = loopback.gateway;
    const arrivals = new Map<string, number[]>();
    hub.onSession((name) => arrivals.set(name, [...(arrivals.get(name) ?? []), performance.now()]));
    await until(() => hub.figures.connected === agents, 60_000);
    const times = [...arrivals.values()].flat().sort((a, b) => a - b);
    expect(times, 'none twice').toHaveLength(agents);
    expect(hub.figures).toMatchObject({ takeovers: 0, staleConnections: 0, sessions: agents });
    // After 2 s of refusals their ceilings are 2 or 4 s: about a quarter of them in any half
    // second. A herd would come as one.
    const span = (times.at(-1) ?? 0) - (times[0] ?? 0);
    const busiest = Math.max(...times.map((time) => times.filter((t) => t >= time && t < time + 500).length));
    expect(busiest, `spread over ${Math.round(span)} ms`).toBeLessThan(0.6 * agents);
    // The gateway knows the last of them before that agent has read its answer.
    await until(() => tunnels.every(({ state }) => state === 'Open'), 10_000);
  } finally {
    await loopback.close();
  }
}, 120_000);
