// One session between two ends, with time turned by hand.
import { describe, expect, test } from 'vitest';
import { Recorder, Simulation } from '../../../property/tunnel/simulation.ts';

function connected(limits = {}, overrides = {}): Simulation {
  const simulation = new Simulation(limits, overrides);
  simulation.connect();
  simulation.settle();
  return simulation;
}

/** Time passes in steps, and messages are delivered in between. */
function pass(simulation: Simulation, milliseconds: number, stepMs = 1000): void {
  for (let passed = 0; passed < milliseconds; passed += stepMs) {
    simulation.clock.advance(stepMs);
    simulation.settle();
  }
}

test('an idle stream lives for hours', () => {
  const simulation = connected();
  const stream = simulation.open();
  simulation.settle();
  pass(simulation, 6 * 3_600_000, 5000);
  simulation.accepted[0]?.stream?.write(Buffer.from('a line at last'));
  simulation.settle();
  expect(stream.received.toString()).toBe('a line at last');
  expect(simulation.gateway.figures.resumptions).toBe(0);
});

test('a peer that stands still is noticed after 25 s at both ends, and not before', () => {
  const simulation = connected();
  simulation.clock.advance(24_999);
  expect([simulation.agent.state, simulation.gateway.state]).toEqual(['Open', 'Open']);
  simulation.clock.advance(2);
  expect([simulation.agent.state, simulation.gateway.state]).toEqual(['Resuming', 'Resuming']);
});

test('the agent looks for another way 3 s after its PING stays unanswered', () => {
  const suspicions: number[] = [];
  const simulation = connected({}, { onSuspicion: () => suspicions.push(simulation.clock.nowMs()) });
  simulation.clock.advance(20_000);
  expect(suspicions).toEqual([13_500, 13_500]);
});

test('of a line that loses only what the agent says, the gateway’s own PINGs hide nothing', () => {
  const suspicions: number[] = [];
  const pings = { pingIntervalMs: 5000 };
  const onSuspicion = () => suspicions.push(simulation.clock.nowMs());
  const simulation: Simulation = connected(pings, { onSuspicion });
  const { agent, gateway } = simulation.link ?? {};
  while (simulation.clock.nowMs() < 20_000) {
    simulation.clock.advance(250);
    while (gateway?.deliver());
    if (simulation.clock.nowMs() === 10_500) expect(simulation.agent.quietMs).toBe(10_500);
  }
  expect(agent?.queue.length).toBeGreaterThan(0);
  expect(simulation.agent.connection?.isSuspected).toBe(true);
  expect(Math.min(...suspicions)).toBe(8250);
  simulation.settle();
  expect(simulation.agent.connection?.isSuspected).toBe(false);
});

test('this very process stood still for a minute: the connection gets a second chance', () => {
  const simulation = connected();
  pass(simulation, 5000);
  simulation.clock.freeze(60_000);
  pass(simulation, 5000, 100);
  expect([simulation.agent.state, simulation.gateway.state]).toEqual(['Open', 'Open']);
});

test('a slow link on which one message takes half a minute is alive', () => {
  const simulation = connected();
  for (let count = 0; count < 60; count += 1) {
    simulation.clock.advance(1000);
    for (const end of [simulation.link?.agent, simulation.link?.gateway]) if (end) end.receivedBytes += 100;
  }
  expect([simulation.agent.state, simulation.gateway.state]).toEqual(['Open', 'Open']);
});

describe('after the resume window', () => {
  test('the gateway ends the session, the agent begins anew', () => {
    const simulation = connected();
    const stream = simulation.open();
    simulation.settle();
    simulation.cut();
    simulation.clock.advance(60_001);
    expect([simulation.agent.state, simulation.gateway.state]).toEqual(['Connecting', 'Closed']);
    expect([stream.outcome, simulation.accepted[0]?.outcome]).toEqual(['reset', 'reset']);
    simulation.connect();
    simulation.settle();
    expect([simulation.agent.state, simulation.gateway.state]).toEqual(['Open', 'Open']);
  });

  test('a moment before it, everything goes on', () => {
    const simulation = connected();
    const stream = simulation.open();
    simulation.settle();
    simulation.cut();
    simulation.clock.advance(59_999);
    simulation.connect();
    simulation.settle();
    simulation.accepted[0]?.stream?.write(Buffer.from('x'));
    simulation.settle();
    expect(stream.received.toString()).toBe('x');
  });
});

test('control messages that nobody acknowledged go to the next session too', () => {
  const simulation = connected();
  const revisions: string[] = [];
  const report = (revision: string) =>
    simulation.agent.sendControl({ kind: 'report', phase: 'Running', revision, versions: {}, detail: '' });
  simulation.cut();
  report('r1');
  simulation.clock.advance(70_000);
  report('r2');
  simulation.connect();
  simulation.gateway.onControl((message) => message.kind === 'report' && revisions.push(message.revision));
  simulation.link?.agent.deliver();
  simulation.gateway.onControl((message) => message.kind === 'report' && revisions.push(message.revision));
  simulation.settle();
  expect(revisions).toEqual(['r1', 'r2']);
});

test('an answer that does not come in time is given up and told', () => {
  const simulation = connected();
  simulation.onOffer = () => {};
  const stream = simulation.open();
  pass(simulation, simulation.limits.openTimeoutMs + 1000);
  expect(stream.outcome).toBe('refused');
  expect(stream.detail).toContain('No answer within 20000 ms');
  expect(simulation.agent.figures.streams).toBe(0);
});

test('while a gateway drains, streams go on and are opened, until the agent has moved', () => {
  const delays: number[] = [];
  const simulation = connected({}, { onDrain: (delayMs: number) => delays.push(delayMs) });
  const stream = simulation.open();
  simulation.settle();
  simulation.gateway.drain(1234);
  simulation.settle();
  expect(delays).toEqual([1234]);
  const late = simulation.open(new Recorder());
  simulation.settle();
  expect(late.stream?.state).toBe('Open');
  simulation.accepted[0]?.stream?.write(Buffer.from('still'));
  simulation.settle();
  expect(stream.received.toString()).toBe('still');
});

test('nothing is left behind: no timer, no stream, no byte', () => {
  const simulation = connected();
  for (let count = 0; count < 50; count += 1) {
    const stream = simulation.open();
    simulation.settle();
    stream.stream?.write(Buffer.alloc(10_000));
    stream.stream?.end();
    simulation.accepted[count]?.stream?.end();
    simulation.settle();
  }
  pass(simulation, 2000, 100);
  simulation.agent.end(4005, 'done');
  pass(simulation, 3000, 100);
  expect(simulation.gateway.state).toBe('Closed');
  expect(simulation.clock.timers).toBe(0);
  expect(simulation.gateway.figures).toMatchObject({ streams: 0, unacknowledgedBytes: 0 });
});

test('too much that waits for a peer that is away ends the session, whoever asks for it', () => {
  const simulation = connected({ controlFrames: 20 });
  const streams = Array.from({ length: 30 }, () => simulation.open());
  expect(streams.every(({ outcome }) => outcome !== 'none')).toBe(true);
  expect(simulation.gateway.state).toBe('Closed');
});
