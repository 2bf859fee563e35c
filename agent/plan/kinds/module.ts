// A kernel module. Built into the kernel counts as loaded, and a kernel without loadable modules has all that
// it will ever have: neither is ever a reason to fail, the checks of preflight are.
import { z } from 'zod';
import { mustRun } from '../command.ts';
import { defineKind, right, skipped, wrong } from '../kind.ts';

type Observed = 'present' | 'loadable' | 'absent' | 'no-modules';

const entrySchema = z.strictObject({ name: z.string() });

export const moduleKind = defineKind<'module', Observed, z.infer<typeof entrySchema>>({
  kind: 'module',
  identify: (resource) => `module:${resource.name}`,
  title: (resource) => `load the module ${resource.name}`,

  async observe(host, { name }) {
    if (await host.files.exists(`/sys/module/${name}`)) return 'present';
    if (!(await host.files.exists('/proc/modules'))) return 'no-modules';
    const dry = await host.processes.run('modprobe', ['--dry-run', '--quiet', name]);
    return dry.exitCode === 0 ? 'loadable' : 'absent';
  },

  compare(_, observed) {
    switch (observed) {
      case 'present':
        return right;
      case 'loadable':
        return wrong('not loaded');
      case 'absent':
        return skipped('this kernel has no such module');
      case 'no-modules':
        return skipped('this kernel has no loadable modules');
    }
  },

  entrySchema,
  record: async (_, { name }) => ({ name }),
  async apply({ host }, { name }) {
    await mustRun(host, 'modprobe', [name]);
  },

  async undo({ host }, [{ name }]) {
    if (!(await host.files.exists(`/sys/module/${name}`))) return { outcome: 'unchanged' };
    const result = await host.processes.run('modprobe', ['--remove', name]);
    if (result.exitCode === 0) return { outcome: 'restored' };
    return { outcome: 'kept', detail: `the module ${name} is in use by something else` };
  },
});
