// Where this host gets its artifacts, in the order in which they are tried: a bundle on the host, mirrors,
// the gateway. Settings of the join command come before those of the pool. Manifests come only from the
// gateway, because they decide what is desired, and are verified like all others.
import { z } from 'zod';
import type { DesiredState } from '../../../protocol/messages/desired.ts';
import type { Host } from '../../host/host.ts';
import type { GatewayApi } from '../../identity/gateway-api.ts';
import type { ArtifactSource } from '../../plan/source.ts';
import type { ManifestSource } from '../../trust/accept.ts';
import { bundleOrigin } from './bundle.ts';
import { gatewaySource } from './gateway.ts';
import { mirrorOrigin } from './mirror.ts';
import { rateLimit } from './rate-limit.ts';

/** What the join's command said about this one host. */
export const downloadSettingsSchema = z.strictObject({
  /** A store's folder, or the tar made of one. */
  bundle: z.string().optional(),
  mirrors: z.array(z.string()),
  rateLimitBytesPerSecond: z.number().int().positive().optional(),
});
export type DownloadSettings = z.infer<typeof downloadSettingsSchema>;

export interface SourceOptions {
  readonly gateway: Pick<GatewayApi, 'download'>;
  readonly caPem: string;
  readonly settings: DownloadSettings | undefined;
  readonly desired: Pick<DesiredState, 'downloads'>;
}

export function artifactSource(
  host: Host,
  { gateway, caPem, settings, desired }: SourceOptions,
): ArtifactSource & ManifestSource {
  const mirrors = [...new Set([...(settings?.mirrors ?? []), ...desired.downloads.mirrors])];
  const rate = settings?.rateLimitBytesPerSecond ?? desired.downloads.rateLimitBytesPerSecond;
  const last = gatewaySource(gateway);
  return {
    ...last,
    origins: [
      ...(settings?.bundle === undefined ? [] : [bundleOrigin(host, settings.bundle)]),
      ...mirrors.map((url) => mirrorOrigin(host, url, { caPem })),
      ...last.origins,
    ],
    ...(rate === undefined ? {} : { pace: rateLimit(host.clock, rate) }),
  };
}
