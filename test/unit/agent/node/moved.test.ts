// A kubelet whose address has gone does not wait for its node's turn.
import { expect, test } from 'vitest';
import { hasMoved } from '../../../../agent/node/moved.ts';
import { withDistribution } from '../../../fixtures/distribution.ts';

const unit = '/etc/systemd/system/kubelet.service';

test.each([
  ['the address that the host has', '--node-ip=10.77.0.11', false],
  ['one that it has no longer', '--node-ip=10.77.0.12', true],
  ['one that only begins alike', '--node-ip=10.77.0.1', true],
  ['none', '', false],
])('%s', async (_what, flag, moved) => {
  const files = { [unit]: `[Service]\nExecStart=/opt/kubelet --v=2 ${flag} --x=y\n` };
  await withDistribution('tencentos-3.1', { files }, async (host) => {
    expect(await hasMoved(host)).toBe(moved);
  });
});

test('a host without a kubelet', async () => {
  await withDistribution('tencentos-3.1', {}, async (host) => {
    expect(await hasMoved(host)).toBe(false);
  });
});
