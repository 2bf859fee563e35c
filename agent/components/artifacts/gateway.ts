// The gateway's store. Manifests come only from here; archives come from here when no other source has them.
import { Fault } from '../../../protocol/catalogue/fault.ts';
import type { GatewayApi } from '../../identity/gateway-api.ts';
import type { ArtifactOrigin, ArtifactSource } from '../../plan/source.ts';
import type { ManifestSource } from '../../trust/accept.ts';

type Downloads = Pick<GatewayApi, 'download'>;

/** For a small file, however it drips: the largest of them at 16 KiB a second. */
const wholeFileMs = 5 * 60_000;

export function gatewayOrigin(gateway: Downloads): ArtifactOrigin {
  return {
    name: 'the gateway',
    open: (artifact, offset, signal) => gateway.download(artifact.path, offset, signal),
  };
}

export function gatewayManifests(gateway: Downloads, limitMs = wholeFileMs): ManifestSource {
  return {
    async read(name, limitBytes, signal) {
      const late = AbortSignal.timeout(limitMs);
      const limited = signal === undefined ? late : AbortSignal.any([signal, late]);
      const { bytes } = await gateway.download(`/artifacts/${name}`, 0, limited);
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

/** Both, and no other place. */
export function gatewaySource(gateway: Downloads): ArtifactSource & ManifestSource {
  return { ...gatewayManifests(gateway), origins: [gatewayOrigin(gateway)] };
}
