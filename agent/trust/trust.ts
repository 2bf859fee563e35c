// What this host believes about artifacts, /var/lib/regnode/trust.json: the public keys that it has
// pinned, the highest serial number that it has seen, and the manifest that was last accepted, as it was
// signed. One file with a version and a checksum, replaced as a whole, so keys and serial never
// disagree, whatever a crash does.
import { z } from 'zod';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { type Manifest, manifestSchema } from '../../protocol/messages/manifest.ts';
import { paths } from '../config/paths.ts';
import { readChecksummedJson, writeChecksummedJson } from '../host/checksummed-json.ts';
import type { Host } from '../host/host.ts';

const trustSchema = z.strictObject({
  keys: z.array(z.string()).min(1),
  serial: z.number().int().positive(),
  manifestSha256: z.string(),
  manifest: manifestSchema,
});
const place = { path: paths.trust, name: 'trust' };

export interface PinnedTrust {
  readonly keys: readonly string[];
  readonly serial: number;
  readonly manifestSha256: string;
  readonly manifest: Manifest;
}

/** undefined when nothing has been pinned yet. */
export async function readTrust(host: Host): Promise<PinnedTrust | undefined> {
  const read = await readChecksummedJson(host, place);
  if (read.kind === 'absent') return undefined;
  if (read.kind === 'damaged') throw damaged(read.detail);
  const parsed = trustSchema.safeParse(read.value);
  if (parsed.success) return parsed.data;
  throw damaged(`it is damaged (${parsed.error.issues[0]?.message})`);
}

export async function writeTrust(host: Host, trust: PinnedTrust): Promise<void> {
  await writeChecksummedJson(host, place, trustSchema.parse(trust));
}

function damaged(detail: string): Fault {
  return new Fault('CONFIGURATION_INVALID', { path: paths.trust, detail });
}
