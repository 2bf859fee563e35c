// Kernel settings are put back after the last sandbox; what the kernel keeps until the next boot is
// told, nothing else is forgiven.
import { expect, test } from 'vitest';
import { putBack, type SysctlAccess } from '../../../../scripts/sandbox/sysctls.ts';

const bpf = 'kernel.unprivileged_bpf_disabled';

function kernel(values: Record<string, string>, refused: Record<string, string> = {}): SysctlAccess {
  return {
    read: async (name) => values[name],
    async write(name, value) {
      const code = refused[name];
      if (code !== undefined) throw Object.assign(new Error(`${code}: write`), { code });
      values[name] = value;
    },
  };
}

test('what changed is put back', async () => {
  const values = { 'kernel.panic': '10', [bpf]: '2' };
  expect(await putBack({ 'kernel.panic': '0', [bpf]: '2' }, kernel(values, { [bpf]: 'EPERM' }))).toEqual([]);
  expect(values).toEqual({ 'kernel.panic': '0', [bpf]: '2' });
});

test('what Cilium has locked is told, and the rest is put back all the same', async () => {
  const values = { [bpf]: '1', 'vm.swappiness': '10' };
  const stuck = await putBack({ [bpf]: '2', 'vm.swappiness': '60' }, kernel(values, { [bpf]: 'EPERM' }));
  expect(stuck).toEqual([`${bpf} stays 1 until the next boot (it was 2): the kernel says so`]);
  expect(values).toEqual({ [bpf]: '1', 'vm.swappiness': '60' });
});

test.each([
  [bpf, 'EIO'],
  ['vm.swappiness', 'EPERM'],
  ['vm.swappiness', 'ENOENT'],
])('%s that ends in %s is a failure', async (name, code) => {
  await expect(putBack({ [name]: '2' }, kernel({ [name]: '1' }, { [name]: code }))).rejects.toMatchObject({
    code,
  });
});
