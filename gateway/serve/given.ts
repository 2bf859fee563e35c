// What every stage of the gateway's life is given, and what all of them wait with.
import type { Logger } from 'pino';
import type { ClusterConnection } from '../kubernetes/connect.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';
import type { ServeOptions } from './options.ts';

export interface Given {
  readonly options: ServeOptions;
  readonly connection: ClusterConnection;
  readonly kubernetes: Kubernetes;
  /** The API server as nodes are told of it. */
  readonly apiServerUrl: string;
  readonly logger: Logger;
  readonly now: () => number;
  readonly signal: AbortSignal;
  /** What a stage opens it leaves here; all is closed in the reverse order, also when a later stage fails. */
  readonly life: AsyncDisposableStack;
}

/** Rejects with the signal's reason when that comes first. */
export async function unlessStopped<T>(signal: AbortSignal, awaited: Promise<T>): Promise<T> {
  return Promise.race([awaited, stopped(signal).then(() => Promise.reject(signal.reason))]);
}

export function stopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
