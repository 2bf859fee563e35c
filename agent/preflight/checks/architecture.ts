// Artifacts exist for x86-64 and ARM64.
import { define, fail, ok } from '../check.ts';

const supported: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64', arm64: 'arm64' };

export const architecture = define({
  code: 'ARCHITECTURE',
  id: 'architecture',
  group: 'identity',
  severity: 'blocking',
  dependsOn: [],
  async run(host) {
    const { machine } = await host.kernel();
    return supported[machine] === undefined
      ? fail('unsupported', machine, 'x86_64 | aarch64', { machine })
      : ok(machine, 'x86_64 | aarch64');
  },
});
