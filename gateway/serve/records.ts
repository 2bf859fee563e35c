// What the gateway leaves behind of its doings: counters, the audit trail, Kubernetes Events. Everything
// later writes into these, so they are open before it and closed after it.
import { outliveDefects } from '../../protocol/defect.ts';
import { defectLog } from '../../protocol/defect-log.ts';
import type { StreamAudit } from '../../protocol/tunnel/audit.ts';
import { type Audit, openAudit } from '../audit/audit.ts';
import { type Counters, createCounters } from '../audit/counters.ts';
import { createEventRecorder, type RecordEvent } from '../kubernetes/event-recorder.ts';
import type { Given } from './given.ts';

export interface Records {
  readonly counters: Counters;
  readonly audit: Audit;
  /** Of every stream that has ended; one that is repeated is counted only. */
  readonly auditStream: (stream: StreamAudit, isRepeated?: boolean) => void;
  readonly recordEvent: RecordEvent;
}

export function openRecords({ options, kubernetes, logger, now, life }: Given): Records {
  const counters = createCounters();
  life.defer(outliveDefects(defectLog(logger, (where) => counters.defects.inc({ where }))));
  const audit = openAudit(options.auditFile, now);
  life.defer(() => audit.close());
  const reopen = () => audit.reopen();
  process.on('SIGHUP', reopen);
  life.defer(() => void process.off('SIGHUP', reopen));
  return {
    counters,
    audit,
    auditStream: (stream, isRepeated = false) => {
      counters.streams.inc({ outcome: stream.outcome });
      if (stream.code !== undefined) counters.refusedStreams.inc({ code: stream.code });
      if (!isRepeated) audit.record({ event: 'stream', ...stream });
    },
    recordEvent: createEventRecorder(kubernetes, logger, now, () => counters.droppedEvents.inc()),
  };
}
