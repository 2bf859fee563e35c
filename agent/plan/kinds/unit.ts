// A systemd unit that runs, with the configuration that it should. A unit file carries REGNODE_STAMP, a hash
// over all that the process reads at start; the running process shows the stamp that it was started with
// in its environment. So a restart that a crash cut off is still due afterwards, and one that was done is not
// done twice. Whether a unit starts at boot is a link of its own and no matter of this kind.
import { z } from 'zod';
import { Fault } from '../../../protocol/catalogue/fault.ts';
import type { Host } from '../../host/host.ts';
import { mustRun } from '../command.ts';
import { defineKind, right, wrong } from '../kind.ts';
import { inOneLine, lastWords } from '../last-words.ts';

export const stampVariable = 'REGNODE_STAMP';
const startTimeoutMs = 120_000;
/** Why a unit that runs has to be restarted. */
export const olderConfiguration = 'runs with an older configuration';

interface Observed {
  readonly loadState: string;
  readonly activeState: string;
  readonly needsReload: boolean;
  readonly stamp: string | undefined;
}

const entrySchema = z.strictObject({ name: z.string(), wasActive: z.boolean() });

export const unitKind = defineKind<'unit', Observed, z.infer<typeof entrySchema>>({
  kind: 'unit',
  identify: (resource) => `unit:${resource.name}`,
  title: (resource) => `run ${resource.name}`,
  observe: (host, { name }) => observeUnit(host, name),

  compare(resource, { activeState, needsReload, stamp }) {
    const isCurrent = resource.stamp === undefined || stamp === resource.stamp;
    // On its way up, as we are ourselves when the daemon looks for the first time.
    if (activeState === 'activating' && isCurrent) return right;
    if (activeState !== 'active') return wrong(activeState === 'inactive' ? 'not running' : activeState);
    if (!isCurrent) return wrong(olderConfiguration);
    return needsReload ? wrong('systemd has not read its unit file') : right;
  },

  entrySchema,
  record: async (_, { name }, { activeState }) => ({ name, wasActive: isRunning(activeState) }),

  async apply({ host }, resource, { activeState, loadState, needsReload, stamp }) {
    if (needsReload || loadState !== 'loaded') await mustRun(host, 'systemctl', ['daemon-reload']);
    const isCurrent = resource.stamp === undefined || stamp === resource.stamp;
    if (activeState === 'active' && isCurrent) return;
    if (activeState === 'failed') await host.processes.run('systemctl', ['reset-failed', resource.name]);
    const verb = isRunning(activeState) ? 'restart' : 'start';
    const result = await host.processes.run('systemctl', [verb, resource.name], {
      timeoutMs: startTimeoutMs,
    });
    if (result.exitCode !== 0) throw await whyNot(host, resource.name, result.stderr);
  },

  // What ran before us is started again at the very end of a leave, when its own unit file is back (undo.ts).
  async undo({ host }, [{ name }]) {
    const { activeState } = await observeUnit(host, name);
    if (activeState === 'failed') await host.processes.run('systemctl', ['reset-failed', name]);
    if (!isRunning(activeState)) return { outcome: 'unchanged' };
    await mustRun(host, 'systemctl', ['stop', name], { timeoutMs: startTimeoutMs });
    return { outcome: 'restored' };
  },
});

/** systemctl only says where to look; what the unit said last is the reason. */
async function whyNot(host: Host, unit: string, stderr: string): Promise<Fault> {
  const words = { lines: 3, mostLetters: 600 };
  const said = (await lastWords(host, unit, words)) || inOneLine(stderr, words.mostLetters);
  return new Fault('UNIT_FAILED', { unit, detail: said });
}

/** The units of these entries that ran before us. */
export function unitsToRevive(entries: readonly unknown[]): string[] {
  return entries
    .map((entry) => entrySchema.safeParse(entry))
    .filter((parsed) => parsed.success && parsed.data.wasActive)
    .map((parsed) => parsed.data?.name ?? '');
}

export async function observeUnit(host: Host, name: string): Promise<Observed> {
  const properties = ['LoadState', 'ActiveState', 'NeedDaemonReload', 'MainPID'];
  const result = await mustRun(host, 'systemctl', ['show', name, `--property=${properties.join(',')}`]);
  const values = new Map(
    result.stdout.split('\n').map((line) => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
  return {
    loadState: values.get('LoadState') ?? 'not-found',
    activeState: values.get('ActiveState') ?? 'inactive',
    needsReload: values.get('NeedDaemonReload') === 'yes',
    stamp: await stampOf(host, Number(values.get('MainPID') ?? 0)),
  };
}

async function stampOf(host: Host, pid: number): Promise<string | undefined> {
  if (pid <= 0) return undefined;
  const environment = (await host.files.readText(`/proc/${pid}/environ`)) ?? '';
  const prefix = `${stampVariable}=`;
  return environment
    .split('\0')
    .find((variable) => variable.startsWith(prefix))
    ?.slice(prefix.length);
}

function isRunning(activeState: string): boolean {
  return ['active', 'activating', 'reloading', 'deactivating'].includes(activeState);
}
