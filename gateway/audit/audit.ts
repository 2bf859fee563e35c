// The audit trail: one JSON line for every join (taken or refused), stream, drain and removal. It goes to a
// file of its own (opened again on SIGHUP, for logrotate) or to stdout; it never holds a token or a key.
import pino from 'pino';
import { printableJson } from '../../protocol/printable.ts';

export interface AuditRecord {
  /**
   * What happened: `join`, `stream`, `streams` (a sum), `drain`, `removal`, `expulsion`, `certificate`,
   * `renewal`, `facts`, `kubelet-certificate`, `tunnel`, `telemetry`.
   */
  readonly event: string;
  readonly [field: string]: unknown;
}

export interface Audit {
  record(record: AuditRecord): void;
  reopen(): void;
  close(): void;
}

/** `-` is stdout. */
export function openAudit(path: string, now: () => number): Audit {
  const destination = pino.destination(
    path === '-'
      ? { dest: 1, sync: true }
      : { dest: path, mkdir: true, append: true, sync: false, mode: 0o600 },
  );
  // Auditing that fails (a full disk) must be seen, and must not end the gateway.
  destination.on('error', (error: Error) => process.stderr.write(`audit: ${error.message}\n`));
  return {
    record: (record) => {
      const line = JSON.stringify({ time: new Date(now()).toISOString(), ...record });
      destination.write(`${printableJson(line)}\n`);
    },
    reopen: () => {
      if (path !== '-') destination.reopen();
    },
    close: () => {
      if (path !== '-') destination.end();
    },
  };
}
