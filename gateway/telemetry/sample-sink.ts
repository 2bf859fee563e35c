// Who else wants the values that the intake takes, beside the scrape: today remote-write. Timestamps are the
// node's own, in milliseconds since the Unix epoch, and never go back within a series that goes on.

import type { RecordCursor } from '../../protocol/telemetry/cursor.ts';
import type { Column, Labels } from '../../protocol/telemetry/description.ts';
import type { Heartbeat } from '../../protocol/telemetry/heartbeat.ts';
import type { NodeLabels } from './exposition.ts';

export interface SampleGroup {
  readonly labels: Labels;
  readonly columns: readonly Column[];
}

export interface SampleSink {
  /** A live record; `before` are the group's values until now, NaN where there was none. */
  live(
    node: NodeLabels,
    group: SampleGroup,
    cursor: RecordCursor,
    timestampMs: number,
    before: Float64Array,
  ): void;
  /** A record that waited on the node's disk. */
  replayed(node: NodeLabels, group: SampleGroup, cursor: RecordCursor, timestampMs: number): void;
  /** How long a node should keep a replayed batch of so many bytes; 0: it is taken now. */
  replayWaitMs(bytes: number): number;
  /** These series get no more values. */
  ended(node: NodeLabels, group: SampleGroup, timestampMs: number): void;
  heartbeat(node: NodeLabels, heartbeat: Heartbeat): void;
  heartbeatEnded(node: NodeLabels, timestampMs: number): void;
}
