// The gateway's store as a source of artifacts. The engine bounds and verifies what comes.
import type { GatewayApi } from '../../identity/gateway-api.ts';
import type { ArtifactSource } from '../../plan/source.ts';

export function gatewaySource(gateway: Pick<GatewayApi, 'download'>): ArtifactSource {
  return { open: (artifact, offset, signal) => gateway.download(artifact.path, offset, signal) };
}
