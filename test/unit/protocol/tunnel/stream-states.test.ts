// The table of a stream's life, read as a table.
import { describe, expect, test } from 'vitest';
import {
  nextStep,
  type StreamEvent,
  type StreamState,
  streamTable,
} from '../../../../protocol/tunnel/stream-states.ts';

const states = Object.keys(streamTable) as StreamState[];
const peerEvents: StreamEvent[] = [
  'peerAccepts',
  'peerRefuses',
  'peerData',
  'peerCredit',
  'peerFin',
  'peerReset',
];
const localEvents: StreamEvent[] = ['accept', 'refuse', 'fin', 'reset', 'sessionEnds'];

test.each<[StreamState, StreamEvent, StreamState, string]>([
  ['Opening', 'peerAccepts', 'Open', 'grant tellOpened'],
  ['Opening', 'peerRefuses', 'Closed', 'tellRefused'],
  ['Opening', 'reset', 'Closed', 'sendRst'],
  ['Offered', 'accept', 'Open', 'sendOpenOk tellOpened'],
  ['Offered', 'refuse', 'Closed', 'sendOpenErr'],
  ['Open', 'fin', 'FinSent', 'sendFin'],
  ['Open', 'peerFin', 'FinReceived', 'deliverEnd'],
  ['FinSent', 'peerData', 'FinSent', 'deliver'],
  ['FinSent', 'peerFin', 'Closed', 'deliverEnd tellFinished'],
  ['FinReceived', 'fin', 'Closed', 'sendFin tellFinished'],
  ['FinReceived', 'peerCredit', 'FinReceived', 'grant'],
  ['Open', 'reset', 'Closed', 'sendRst'],
  ['Open', 'peerReset', 'Closed', 'tellReset'],
])('%s + %s → %s (%s)', (state, event, next, effects) => {
  expect(nextStep(state, event)).toEqual({ next, effects: effects.split(' ') });
});

test.each<[StreamState, StreamEvent]>([
  ['Opening', 'peerData'],
  ['Opening', 'peerFin'],
  ['Offered', 'peerData'],
  ['Open', 'peerAccepts'],
  ['FinReceived', 'peerData'],
  ['FinReceived', 'peerFin'],
])('%s + %s is a mistake of the peer and costs the stream', (state, event) => {
  expect(nextStep(state, event)).toEqual({ next: 'Closed', effects: ['sendRst', 'violation', 'tellReset'] });
});

describe('for every state', () => {
  test.each(states)('%s: a reset by either side or the end of the session closes it', (state) => {
    for (const event of ['reset', 'peerReset', 'sessionEnds'] as const) {
      expect(nextStep(state, event).next).toBe('Closed');
    }
  });

  test.each(states)('%s: the endpoint is told exactly once how it ended', (state) => {
    for (const event of [...peerEvents, ...localEvents]) {
      const { next, effects } = nextStep(state, event);
      const told = effects.filter((effect) => ['tellRefused', 'tellReset', 'tellFinished'].includes(effect));
      const byUs = event === 'reset' || event === 'refuse';
      expect(told).toHaveLength(next === 'Closed' && state !== 'Closed' && !byUs ? 1 : 0);
    }
  });

  test('Closed stays closed and does nothing', () => {
    for (const event of [...peerEvents, ...localEvents]) {
      expect(nextStep('Closed', event)).toEqual({ next: 'Closed', effects: [] });
    }
  });
});
