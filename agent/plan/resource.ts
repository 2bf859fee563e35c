// What a host can be desired to have: the typed union that components are made of. A resource says
// what should be, never how to get there; its kind (one file in kinds/, one line in kinds/index.ts)
// knows how to look at it, compare it, record what was there before, make it, and undo it. A kind that
// is missing doesn't compile.
import type { Artifact } from '../../protocol/messages/desired.ts';

/** A verified archive in the content-addressed store. */
interface ArtifactResource {
  readonly kind: 'artifact';
  readonly artifact: Artifact;
  /** Where it will be unpacked; once it is there, the archive is not needed. */
  readonly tree: string;
}

/** An artifact unpacked to `path`, all of it or nothing. */
export interface TreeResource {
  readonly kind: 'tree';
  readonly path: string;
  readonly artifact: Artifact;
}

/**
 * `ours`: whatever appears below it after us is ours and goes when we go (what was there before stays).
 * `shared`: others may put files there; we remove the folder only when we made it and it is empty.
 */
export interface DirectoryResource {
  readonly kind: 'directory';
  readonly path: string;
  readonly mode: number;
  readonly content: 'ours' | 'shared';
}

interface FileResource {
  readonly kind: 'file';
  readonly path: string;
  readonly mode: number;
  readonly content: string;
  /** Never shown in a plan, a log or the journal. */
  readonly secret?: boolean;
}

interface LinkResource {
  readonly kind: 'link';
  readonly path: string;
  readonly target: string;
}

/** A file that a program of ours will make by itself (kubelet.conf): nothing to do now, something to undo. */
interface ClaimResource {
  readonly kind: 'claim';
  readonly path: string;
  readonly by: string;
}

export interface SysctlResource {
  readonly kind: 'sysctl';
  readonly name: string;
  readonly value: string;
  /** A number that is larger already is left alone. */
  readonly atLeast?: boolean;
}

interface ModuleResource {
  readonly kind: 'module';
  readonly name: string;
}

/** A systemd unit that runs, and runs with the configuration that `stamp` names (see kinds/unit.ts). */
interface UnitResource {
  readonly kind: 'unit';
  readonly name: string;
  readonly stamp?: string;
}

/** Every docker-archive tar below `folder`, imported into containerd. */
export interface ImagesResource {
  readonly kind: 'images';
  readonly folder: string;
  /** The ctr binary and the socket of the containerd that is meant. */
  readonly ctr: string;
  readonly socket: string;
}

/**
 * Links, routes, packet filter chains and cgroups that pods leave behind: noted once, before the first pod.
 */
interface PodNetworkResource {
  readonly kind: 'pod-network';
}

/** A file that must not stand there; a leave puts it back. */
interface SetAsideResource {
  readonly kind: 'set-aside';
  readonly path: string;
  readonly why: string;
}

/** What Cilium attaches to devices, control groups and routing: noted once, before Cilium can run. */
interface CiliumDataPathResource {
  readonly kind: 'cilium-data-path';
  /** Where the cgroup2 hierarchy is that it uses. */
  readonly cgroupRoot: string;
}

export type Resource =
  | ArtifactResource
  | TreeResource
  | DirectoryResource
  | FileResource
  | LinkResource
  | ClaimResource
  | SysctlResource
  | ModuleResource
  | UnitResource
  | ImagesResource
  | PodNetworkResource
  | SetAsideResource
  | CiliumDataPathResource;

export type ResourceKind = Resource['kind'];
export type ResourceOf<K extends ResourceKind> = Extract<Resource, { kind: K }>;
