// The gateway's store as a source of manifests and artifacts. The engine bounds and verifies what comes.
import { Fault } from '../../../protocol/fault.ts';
import type { GatewayApi } from '../../identity/gateway-api.ts';
import type { ArtifactSource } from '../../plan/source.ts';
import type { ManifestSource } from '../../trust/accept.ts';

export function gatewaySource(gateway: Pick<GatewayApi, 'download'>): ArtifactSource & ManifestSource {
  return {
    open: (artifact, offset, signal) => gateway.download(artifact.path, offset, signal),
    async read(name, limitBytes, signal) {
      const { bytes } = await gateway.download(`/artifacts/${name}`, 0, signal);
      const chunks: Uint8Array[] = [];
      let total = 0;
      for await (const chunk of bytes) {
        total += chunk.length;
        if (total > limitBytes)
          throw new Fault('MANIFEST_NOT_TRUSTED', { detail: `${name} has more than ${limitBytes} bytes` });
        chunks.push(chunk);
      }
      return Buffer.concat(chunks);
    },
  };
}
