// What regnode remembers of its node between runs: how far it came, who it is, what it shall be. One file with a
// version and a checksum, replaced as a whole. It holds the bootstrap token of the kubelet, so it is 0600.
import { z } from 'zod';
import { desiredStateSchema } from '../../protocol/desired.ts';
import { Fault } from '../../protocol/fault.ts';
import { paths } from '../config/paths.ts';
import type { Host } from '../host/host.ts';
import { hashOf } from '../plan/backups.ts';

const stateSchema = z.strictObject({
  /** Installing: registered, the first plans are not all done. Joined. Leaving: on its way back. */
  phase: z.enum(['Installing', 'Joined', 'Leaving']),
  identity: z.strictObject({
    gatewayUrl: z.string(),
    nodeName: z.string(),
    pool: z.string(),
    address: z.string(),
    bootstrap: z.strictObject({ apiServerUrl: z.string(), caPem: z.string(), token: z.string() }),
  }),
  desired: desiredStateSchema,
});
export type NodeState = z.infer<typeof stateSchema>;

const fileSchema = z.strictObject({ version: z.literal(1), sha256: z.string(), state: stateSchema });

/** undefined when this host has not registered. */
export async function readState(host: Host): Promise<NodeState | undefined> {
  const text = await host.files.readText(paths.stateFile);
  if (text === undefined) return undefined;
  const parsed = fileSchema.safeParse(parseJson(text));
  if (parsed.success && hashOf(JSON.stringify(parsed.data.state)) === parsed.data.sha256)
    return parsed.data.state;
  const detail = parsed.success
    ? 'its checksum is wrong'
    : `it is damaged (${parsed.error.issues[0]?.message})`;
  throw new Fault('CONFIGURATION_INVALID', { path: paths.stateFile, detail });
}

export async function writeState(host: Host, state: NodeState): Promise<void> {
  const parsed = stateSchema.parse(state); // the order of keys is the schema's: the checksum is over that
  const file = { version: 1, sha256: hashOf(JSON.stringify(parsed)), state: parsed };
  await host.files.write(paths.stateFile, `${JSON.stringify(file, undefined, 1)}\n`, { mode: 0o600 });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
