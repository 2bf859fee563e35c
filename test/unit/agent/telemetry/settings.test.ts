// What an operator may say about telemetry's share of the host; what is wrong is named.
import { expect, test } from 'vitest';
import { telemetrySettings } from '../../../../agent/telemetry/settings.ts';

test('defaults, and what was said', () => {
  const defaults = { spoolCapBytes: 2 ** 28, spoolFreeFloorBytes: 2 ** 30, ringBytes: 2 ** 20 };
  expect(telemetrySettings({ REGNODE_RING_BYTES: '' })).toEqual(defaults);
  expect(telemetrySettings({ REGNODE_RING_BYTES: '65536', REGNODE_SPOOL_FREE_FLOOR_BYTES: '0' })).toEqual({
    ...defaults,
    ringBytes: 65_536,
    spoolFreeFloorBytes: 0,
  });
});

test.each([
  ['REGNODE_RING_BYTES', '100000'],
  ['REGNODE_RING_BYTES', '32768'],
  ['REGNODE_SPOOL_CAP_BYTES', '1000'],
  ['REGNODE_SPOOL_CAP_BYTES', '1e9'],
  ['REGNODE_SPOOL_FREE_FLOOR_BYTES', '-1'],
])('%s=%s', (variable, text) => {
  expect(() => telemetrySettings({ [variable]: text })).toThrow(
    expect.objectContaining({
      code: 'CONFIGURATION_INVALID',
      values: expect.objectContaining({ detail: expect.stringContaining(`${variable}=${text}`) }),
    }),
  );
});
