// What every stage of the daemon's life is given.
import type { Logger } from 'pino';
import { outliveDefects } from '../../protocol/defect.ts';
import { defectLog } from '../../protocol/defect-log.ts';
import type { Host } from '../host/host.ts';

export interface Given {
  readonly host: Host;
  readonly logger: Logger;
  /** Aborted when the daemon is told to stop, and when a stage or a loop of its own has failed. */
  readonly signal: AbortSignal;
  /** What a stage opens it leaves here; all is closed in the reverse order, also when a later stage fails. */
  readonly life: AsyncDisposableStack;
  /** Mistakes of the daemon since its start that it has outlived. */
  readonly defects: () => number;
}

export function countDefects(logger: Logger, life: AsyncDisposableStack): () => number {
  let defects = 0;
  const count = () => {
    defects += 1;
  };
  life.defer(outliveDefects(defectLog(logger, count)));
  return () => defects;
}
