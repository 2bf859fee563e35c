// Writes down that an operator opened a name to a host with another key; that it was used is
// written down with the join.
import type { Audit } from '../audit/audit.ts';
import { type RecordEvent, told } from '../kubernetes/event-recorder.ts';
import type { Change } from '../kubernetes/watcher.ts';
import { type RegisteredNode, registeredNodes } from '../resources/registered-node.ts';

export function auditReadmissions(
  audit: Audit,
  recordEvent: RecordEvent,
): (change: Change<RegisteredNode>) => void {
  return ({ name, object, previous }) => {
    const readmission = object?.spec.readmission;
    // What stood there when this replica started was written down before.
    if (!readmission || !previous || previous.spec.readmission?.until === readmission.until) return;
    const { until, machineId = object.spec.machineId } = readmission;
    audit.record({ event: 'readmission', node: name, pool: object.spec.pool, until, machineId });
    const note = told('READMISSION_ALLOWED', { name, until });
    recordEvent(registeredNodes, { name, uid: object.metadata.uid }, { type: 'Normal', ...note });
  };
}
