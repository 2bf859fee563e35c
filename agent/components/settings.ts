// Which of a pool's settings this host uses where they restart a kubelet or a containerd: pure. Other
// settings are tried in the node's turn and stay only when the node has proven healthy with them; those that
// it was not are remembered with the reason, and what was proven before is used until the desired state names
// others or the attempt changes.
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { type DesiredState, desiredStateSchema } from '../../protocol/messages/desired.ts';

const { kubelet, apiServerAccess, kubeletAccess, apiServer } = desiredStateSchema.shape;
const settingsSchema = z.object({
  kubelet,
  apiServerAccess,
  kubeletAccess,
  apiServer,
  sandboxImage: z.string(),
});

export const settingsMemorySchema = z.object({
  /** In use, and known to work; absent until the first look at a host that an older agent made. */
  proven: settingsSchema.optional(),
  /** `id`: of the restart that they need. */
  trial: z.object({ id: z.string(), since: z.string(), attempts: z.number().int() }).optional(),
  /** Until the host is at rest again: it is trying other settings or another version, or going back. */
  isTurn: z.boolean().optional(),
  failed: z
    .object({
      settings: settingsSchema,
      id: z.string(),
      code: z.string(),
      detail: z.string(),
      at: z.string(),
      /** `upgrade.attempt` of the desired state that they failed under. */
      attempt: z.string(),
    })
    .optional(),
});

export type Settings = z.infer<typeof settingsSchema>;
export type SettingsMemory = z.infer<typeof settingsMemorySchema>;
export type SettingsFailure = NonNullable<SettingsMemory['failed']>;

export function settingsOf(desired: DesiredState): Settings {
  const { kubelet, apiServerAccess, kubeletAccess, apiServer, containerd } = desired;
  return settingsSchema.parse({
    kubelet,
    apiServerAccess,
    kubeletAccess,
    ...(apiServer && { apiServer }),
    sandboxImage: containerd.sandboxImage,
  });
}

export interface SettingsChoice {
  /** The desired state, with the settings that this host is to use now. */
  readonly effective: DesiredState;
  /** Desired, but known not to work here. */
  readonly failure: SettingsFailure | undefined;
}

export function chooseSettings(
  desired: DesiredState,
  { proven, failed }: SettingsMemory = {},
): SettingsChoice {
  const isKnownBad =
    failed !== undefined &&
    failed.attempt === desired.upgrade.attempt &&
    isDeepStrictEqual(failed.settings, settingsOf(desired));
  if (!isKnownBad) return { effective: desired, failure: undefined };
  return { effective: settingsInUse(desired, { proven }), failure: failed };
}

/** What is in use now, for whoever must not begin a trial (a join that is run again). */
export function settingsInUse(desired: DesiredState, { proven }: SettingsMemory): DesiredState {
  return proven === undefined ? desired : withSettings(desired, proven);
}

/** Names, registries and intervals stay the desired ones: they restart nothing. */
function withSettings(
  { apiServer: _, ...desired }: DesiredState,
  { sandboxImage, ...settings }: Settings,
): DesiredState {
  return { ...desired, ...settings, containerd: { ...desired.containerd, sandboxImage } };
}
