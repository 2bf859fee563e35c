// What regnode remembers of its node between runs: how far it came, its identity, its desired state. The file
// has a checksum and is replaced as a whole. It holds the kubelet's bootstrap token, so its mode is 0600. An
// older agent that was put back reads what a newer one wrote: it leaves out keys that it does not know.
import { z } from 'zod';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { desiredStateSchema } from '../../protocol/messages/desired.ts';
import { readFromPeer } from '../../protocol/messages/newer-peer.ts';
import { downloadSettingsSchema } from '../components/artifacts/source.ts';
import { settingsMemorySchema } from '../components/settings.ts';
import { failureSchema, versionMemorySchema } from '../components/versions.ts';
import { paths } from '../config/paths.ts';
import { readChecksummedJson, writeChecksummedJson } from '../host/checksummed-json.ts';
import type { Host } from '../host/host.ts';

const stateSchema = z.object({
  /** Installing: registered, the first plans are not all done. Joined. Leaving: on its way back. */
  phase: z.enum(['Installing', 'Joined', 'Leaving']),
  identity: z.object({
    gatewayUrl: z.string(),
    nodeName: z.string(),
    pool: z.string(),
    address: z.string(),
    bootstrap: z.object({ apiServerUrl: z.string(), caPem: z.string(), token: z.string() }),
  }),
  desired: desiredStateSchema,
  versions: versionMemorySchema.default({}),
  /** Of what restarts a kubelet or a containerd beside versions. */
  settings: settingsMemorySchema.default({}),
  /** Agents that did not work here. */
  agentFailures: z.array(failureSchema).default([]),
  /** A kubelet (its hash) for which the node was cordoned, until it is uncordoned. */
  drainedFor: z.object({ sha256: z.string(), isDrained: z.boolean(), wasCordoned: z.boolean() }).optional(),
  /** What the command of the join said about where artifacts come from. */
  downloads: downloadSettingsSchema.optional(),
});
export type NodeState = z.infer<typeof stateSchema>;

const place = { path: paths.stateFile, name: 'state' };

/** undefined when this host has not registered. */
export async function readState(host: Host): Promise<NodeState | undefined> {
  const read = await readChecksummedJson(host, place);
  if (read.kind === 'absent') return undefined;
  if (read.kind === 'damaged') throw damaged(read.detail);
  const parsed = readFromPeer(stateSchema, read.value);
  if (parsed.success) return parsed.data;
  throw damaged(`it is not understood (${parsed.error.issues[0]?.message})`);
}

export async function writeState(host: Host, state: NodeState): Promise<void> {
  await writeChecksummedJson(host, place, stateSchema.parse(state));
}

function damaged(detail: string): Fault {
  return new Fault('CONFIGURATION_INVALID', { path: paths.stateFile, detail });
}
