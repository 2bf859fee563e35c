// The record of an agent's trial on the disk. The old agent writes it; whichever agent
// comes out of the trial reads it.
import { z } from 'zod';
import { encodable } from '../../../protocol/formats/encodable.ts';
import { artifactSchema } from '../../../protocol/messages/desired.ts';
import { printableJson } from '../../../protocol/printable.ts';
import { paths } from '../../config/paths.ts';
import type { Host } from '../../host/host.ts';
import { withoutSecrets } from '../../secrets/secrets.ts';
import { guardScript } from './guard.ts';

const trialSchema = z.object({
  artifact: artifactSchema,
  fromVersion: z.string(),
  /** `upgrade.attempt` of the desired state. */
  attempt: z.string(),
  waitSeconds: z.number(),
  since: z.string(),
});

export interface AgentTrial extends z.infer<typeof trialSchema> {
  /** Names of releases. */
  readonly from: string;
  readonly to: string;
}

/** Lines for the shell of the guard, and one of JSON for us. */
export async function beginTrial(host: Host, { from, to, ...rest }: AgentTrial): Promise<void> {
  if ((await host.files.status(paths.upgrade)) === undefined)
    await host.files.makeDirectory(paths.upgrade, 0o700);
  await host.files.removeFile(paths.upgradeFailed);
  await host.files.removeFile(paths.upgradeStarts);
  await host.files.write(paths.guard, guardScript, { mode: 0o700 });
  const json = printableJson(JSON.stringify(rest));
  const lines = [`from=${from}`, `to=${to}`, `wait=${rest.waitSeconds}`, `json=${json}`];
  const entries = lines.map((line) => encodable(line, 'line of a trial'));
  await host.files.write(paths.upgradeTrial, `${entries.join('\n')}\n`, { mode: 0o600 });
}

export async function readTrial(host: Host): Promise<AgentTrial | undefined> {
  const text = await host.files.readText(paths.upgradeTrial);
  if (text === undefined) return undefined;
  const field = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1] ?? '';
  try {
    return { ...trialSchema.parse(JSON.parse(field('json'))), from: field('from'), to: field('to') };
  } catch {
    return undefined; // damaged: the guard can't do anything with it either
  }
}

/** Why the guard put the old agent back, in the words of the journal; undefined when it didn't. */
export async function readFailure(host: Host): Promise<string | undefined> {
  const text = await host.files.readText(paths.upgradeFailed);
  if (text === undefined) return undefined;
  return withoutSecrets(/^why=(.*)$/m.exec(text)?.[1] ?? 'it gave no reason');
}

/** The trial first: without it the guard does nothing. */
export async function endTrial(host: Host): Promise<void> {
  await host.files.removeFile(paths.upgradeTrial);
  await host.files.removeFile(paths.upgradeStarts);
  await host.files.removeFile(paths.upgradeFailed);
}
