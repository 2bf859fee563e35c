// The limits that root's shells and services inherit. regnode's units raise their own; programs that an
// operator starts beside them keep these.
import { define, ok, warn } from '../check.ts';
import { hardLimit } from '../observation/process-status.ts';

const wanted = { 'Max open files': 1024, 'Max processes': 4096 } as const;

export const processLimits = define({
  code: 'PROCESS_LIMITS',
  id: 'process-limits',
  group: 'resources',
  severity: 'advisory',
  dependsOn: [],
  async run(host) {
    const [files, processes] = await Promise.all([
      hardLimit(host, 'Max open files'),
      hardLimit(host, 'Max processes'),
    ]);
    const threshold = `nofile ≥ ${wanted['Max open files']}, nproc ≥ ${wanted['Max processes']}`;
    const measured = `nofile ${shown(files)}, nproc ${shown(processes)}`;
    const low = (files ?? 0) < wanted['Max open files'] || (processes ?? 0) < wanted['Max processes'];
    return low ? warn('low', measured, threshold) : ok(measured, threshold);
  },
});

function shown(limit: number | undefined): string {
  if (limit === undefined) return '?';
  return limit === Number.POSITIVE_INFINITY ? '∞' : `${limit}`;
}
