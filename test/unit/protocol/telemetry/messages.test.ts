// The small messages beside the batch: descriptions, acknowledgements, heartbeats.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeAcknowledgement,
  encodeAcknowledgement,
} from '../../../../protocol/telemetry/acknowledgement.ts';
import { encodeDescription } from '../../../../protocol/telemetry/description.ts';
import { decodeDescription } from '../../../../protocol/telemetry/description-schema.ts';
import type { Heartbeat } from '../../../../protocol/telemetry/heartbeat.ts';
import { decodeHeartbeat, encodeHeartbeat, heartbeatForm } from '../../../../protocol/telemetry/heartbeat.ts';
import { vitalNames } from '../../../../protocol/telemetry/vitals.ts';

const labels = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`l${index}`, 'x']));

describe('descriptions', () => {
  const base = { family: 'disks', intervalMs: 1000, labels: { device: 'vda' } };
  const column = { name: 'node_disk_read_bytes_total', type: 'counter' as const };
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));
  test.each([
    ['no JSON', Buffer.from('{"family'), 'description-malformed'],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22]), 'description-malformed'],
    ['another shape', json([1, 2]), 'description-malformed'],
    [
      'a name that Prometheus would not take',
      json({ ...base, columns: [{ ...column, name: 'a b' }] }),
      'description-malformed',
    ],
    [
      'a label with two underscores',
      json({ ...base, labels: { __name__: 'x' }, columns: [column] }),
      'description-malformed',
    ],
    [
      'a label that only the gateway sets',
      json({ ...base, labels: { node: 'other' }, columns: [column] }),
      'description-reserved-name',
    ],
    [
      'the same in a column',
      json({ ...base, columns: [{ ...column, labels: { pool: 'x' } }] }),
      'description-reserved-name',
    ],
    [
      "a name of the gateway's own metrics",
      json({ ...base, columns: [{ ...column, name: 'regnode_gateway_x' }] }),
      'description-reserved-name',
    ],
  ])('%s is refused', (_, payload, reason) => {
    expect(decodeDescription(payload)).toBe(reason);
  });

  test('of columns that are all wrong the first is looked at, however many there are', () => {
    const wrong = json({ ...base, columns: Array.from({ length: 1000 }, () => ({})) });
    const right = json({ ...base, columns: Array.from({ length: 500 }, () => column) });
    const msOf = (payload: Uint8Array) => {
      const took = Array.from({ length: 9 }, () => {
        const begunMs = performance.now();
        decodeDescription(payload);
        return performance.now() - begunMs;
      });
      return Math.min(...took);
    };
    expect(msOf(wrong)).toBeLessThan(msOf(right));
  });

  test.each([
    ['of the group', { ...base, labels: labels(65), columns: [column] }, 'description-malformed'],
    ['of a column', { ...base, columns: [{ ...column, labels: labels(65) }] }, 'description-malformed'],
    ['as many as may be', { ...base, columns: [{ ...column, labels: labels(64) }] }, undefined],
  ])('labels without end %s', (_, description, reason) => {
    expect(decodeDescription(json(description))).toEqual(reason ?? description);
  });

  test('keys of a later release are left out', () => {
    const newer = json({ ...base, columns: [{ ...column, help: 'x' }], more: 1 });
    expect(decodeDescription(newer)).toEqual({ ...base, columns: [column] });
  });

  test('come back as they were, filled up to a multiple of 8', () => {
    const payload = encodeDescription({ ...base, columns: [column] });
    expect(payload.byteLength % 8).toBe(0);
    expect(decodeDescription(payload)).toEqual({ ...base, columns: [column] });
  });
});

test('an acknowledgement comes back as it was; anything else is none', () => {
  const acknowledgement = {
    epoch: 2 ** 52,
    nextSequence: 2 ** 40 + 3,
    verdict: 'wait',
    waitMs: 900,
  } as const;
  expect(decodeAcknowledgement(encodeAcknowledgement(acknowledgement))).toEqual(acknowledgement);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (noise) => {
      const decoded = decodeAcknowledgement(noise);
      expect(decoded === undefined || noise.byteLength === 24).toBe(true);
    }),
  );
});

describe('heartbeats', () => {
  const heartbeat: Heartbeat = {
    sentAtMs: 1_700_000_000_123,
    uptimeSeconds: 12.5,
    load1: 0.25,
    cpuUsedRatio: 0.5,
    memoryTotalBytes: 2 ** 34,
    memoryAvailableBytes: 2 ** 33,
    diskFreeBytes: 2 ** 40,
    kubeletHealthy: true,
    containerdHealthy: false,
    ring: { produced: 10, acknowledged: 7, pending: 2, lost: 1 },
  };
  test('come back as they were', () => {
    expect(decodeHeartbeat(encodeHeartbeat(heartbeat))).toEqual(heartbeat);
  });
  test('with a number that is none, of another version or length, they are refused', () => {
    const bytes = encodeHeartbeat(heartbeat);
    expect(decodeHeartbeat(bytes.subarray(1))).toBeUndefined();
    for (const load1 of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
      expect(decodeHeartbeat(encodeHeartbeat({ ...heartbeat, load1 }))).toBeUndefined();
    for (const load1 of [Number.MAX_VALUE, -Number.MAX_VALUE, Number.MIN_VALUE, -0])
      expect(decodeHeartbeat(encodeHeartbeat({ ...heartbeat, load1 }))?.load1).toBe(load1);
    bytes[0] = 2;
    expect(decodeHeartbeat(bytes)).toBeUndefined();
  });
  test('a vital that a later release has added is 0 of a former host, and no matter to a former gateway', () => {
    const later = heartbeatForm([...vitalNames, 'swapUsedBytes']);
    const beat = { ...heartbeat, swapUsedBytes: 4096 };
    expect(later.decode(later.encode(beat))).toEqual(beat);
    expect(later.decode(encodeHeartbeat(heartbeat))).toEqual({ ...heartbeat, swapUsedBytes: 0 });
    expect(decodeHeartbeat(later.encode(beat))).toEqual(heartbeat);
    expect(later.decode(later.encode({ ...beat, swapUsedBytes: Number.NaN }))).toBeUndefined();
    expect(later.decode(later.encode(beat).subarray(0, 99))).toEqual({ ...heartbeat, swapUsedBytes: 0 });
  });
  test('stands where the first release had it', () => {
    const numbers = new Float64Array(encodeHeartbeat(heartbeat).slice(8).buffer);
    const { sentAtMs, uptimeSeconds, load1, cpuUsedRatio, diskFreeBytes, ring } = heartbeat;
    const { memoryTotalBytes, memoryAvailableBytes } = heartbeat;
    expect([...numbers]).toEqual([
      ...[
        sentAtMs,
        uptimeSeconds,
        load1,
        cpuUsedRatio,
        memoryTotalBytes,
        memoryAvailableBytes,
        diskFreeBytes,
      ],
      ...[ring.produced, ring.acknowledged, ring.pending, ring.lost],
    ]);
  });
  test('what a later release adds behind is left out', () => {
    expect(decodeHeartbeat(Buffer.concat([encodeHeartbeat(heartbeat), Buffer.alloc(16, 0xff)]))).toEqual(
      heartbeat,
    );
  });
});
