// Defects in the log of a process: each with its stack and where it was told, at a rate that no
// input can make a flood of. All of them are counted. Tests read for `"defect":` in the logs of
// gateway and agents, and fail.
import type { Defect } from './defect.ts';
import { TokenBucket } from './rate/token-bucket.ts';

const lines = { burst: 20, perSecond: 1 / 3 };

export interface ErrorLog {
  error(fields: object, message: string): void;
}

export function defectLog(
  log: ErrorLog,
  count: (where: string) => void,
  nowMs: () => number = () => performance.now(),
): (defect: Defect) => void {
  const bucket = new TokenBucket(lines, nowMs());
  let untold = 0;
  return ({ where, error }) => {
    count(where);
    if (!bucket.take(1, nowMs())) {
      untold += 1;
      return;
    }
    const fields = { defect: where, err: error, ...(untold > 0 && { untold }) };
    untold = 0;
    log.error(fields, 'a mistake of this process: what it belonged to has ended, the process goes on');
  };
}
