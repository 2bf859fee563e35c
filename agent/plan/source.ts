// Where artifacts come from, as the engine sees it: the gateway's store, a mirror, a bundle on this host.
// Several are tried in turn. Nothing that comes from a source is trusted: the hash decides.
import type { Artifact } from '../../protocol/messages/desired.ts';

export interface ArtifactOrigin {
  /** For people: a URL or a path. */
  readonly name: string;
  /**
   * The bytes from `offset` on. An origin that cannot resume answers from 0 and says so in
   * `startsAt`. The Fault PATH_UNKNOWN or ARTIFACT_MISSING: it has no such artifact. Anything else
   * that it throws may be tried again.
   */
  open(
    artifact: Artifact,
    offset: number,
    signal?: AbortSignal,
  ): Promise<{ startsAt: number; bytes: AsyncIterable<Uint8Array> }>;
}

export interface ArtifactSource {
  /** In the order in which they are asked. */
  readonly origins: readonly ArtifactOrigin[];
  /** Throws a Fault when this artifact must not be fetched at all. */
  readonly permit?: (artifact: Artifact) => Promise<void>;
  /** Waits until so many more bytes may come; absent when nothing limits them. */
  readonly pace?: (bytes: number, signal?: AbortSignal) => Promise<void>;
}
