// A status as API servers of every release take it.
import type { RegisteredNodeStatus } from './registered-node.ts';

/**
 * Without empty strings, at any depth. API servers of old releases take `""` for null when they were built
 * with Go 1.18 or later, and refuse the whole object.
 */
export function withoutEmpty(status: RegisteredNodeStatus): RegisteredNodeStatus {
  const text = JSON.stringify(status, (_key, value: unknown) => (value === '' ? undefined : value));
  return JSON.parse(text) as RegisteredNodeStatus;
}
