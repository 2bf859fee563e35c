// Where artifacts come from, as the engine sees it. The gateway's store is one (components/artifacts/); a
// bundle on disk or a mirror are others. Nothing that comes from a source is trusted: the hash decides.
import type { Artifact } from '../../protocol/desired.ts';

export interface ArtifactSource {
  /**
   * The bytes from `offset` on. A source that cannot resume answers from 0 and says so in `startsAt`.
   * Throws a Fault when the artifact is not to be had; anything else that it throws may be tried again.
   */
  open(
    artifact: Artifact,
    offset: number,
    signal?: AbortSignal,
  ): Promise<{ startsAt: number; bytes: AsyncIterable<Uint8Array> }>;
}
