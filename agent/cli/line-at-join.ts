// Measures the private line beside preflight while a host joins. Its findings are shown and never
// stop the join, because the pool's limits are not known yet. Whether the gateway can be reached at
// all is a check of preflight.

import type { Terminal } from '../../protocol/cli/terminal.ts';
import { measureLine } from '../line/netcheck.ts';
import { findingsOf } from '../line/report.ts';
import type { CliContext } from './context.ts';

const limitMs = 10_000;

export async function tellLine(
  { host, environment, signal }: CliContext,
  terminal: Terminal,
  { gatewayUrl, caPem }: { readonly gatewayUrl: string; readonly caPem: string },
): Promise<void> {
  const measurement = await measureLine(host, {
    gatewayUrl,
    caPem,
    environment,
    count: 20,
    intervalMs: 10, // the installation waits for the end of it
    withInward: true,
    withPathMtu: true,
    withThroughput: false,
    signal: AbortSignal.any([signal, AbortSignal.timeout(limitMs)]),
  }).catch(() => undefined);
  if (measurement === undefined) return;
  for (const { code, message, remedy } of findingsOf(measurement, terminal.language)) {
    if (code !== 'LINE_UNREACHABLE') terminal.note(`[warn] ${code}: ${message}\n       → ${remedy}`);
  }
}
