// Why a batch, a description or a heartbeat was not taken. The names are the `reason` label of the gateway's
// own metrics, so each stands for one thing and none is ever reused.

export const refusalReasons = [
  'too-short',
  'too-large',
  'length-mismatch',
  'checksum',
  'number-out-of-range',
  'record-length',
  'record-class',
  'record-sequence',
  'record-count',
  'description-malformed',
  'description-reserved-name',
  'heartbeat-malformed',
  'budget-bytes',
  'budget-series',
  'budget-labels',
  'budget-heartbeats',
  'budget-descriptions',
  'schema-unknown',
  'columns-mismatch',
] as const;

export type RefusalReason = (typeof refusalReasons)[number];
