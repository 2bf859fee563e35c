// What systeminformation says of this very machine, whatever it is: the shape, and nothing that tells one
// machine from another.
import { availableParallelism, networkInterfaces, totalmem } from 'node:os';
import { expect, test } from 'vitest';
import { createHost } from '../../../../agent/host/real.ts';

test('this machine: its memory, processors and network devices, no serial number and no address', async () => {
  const inventory = await createHost().inventory();
  expect(inventory.memory.totalBytes).toBe(totalmem());
  expect(inventory.cpu.threads).toBeGreaterThanOrEqual(availableParallelism());
  expect(inventory.networks.map(({ device }) => device)).toContain('lo');
  const text = JSON.stringify(inventory);
  expect(text).not.toMatch(/serial|uuid|macAddress/i);
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  for (const { address, mac } of addresses)
    for (const one of [address, mac]) expect(text).not.toContain(`"${one}"`);
});
