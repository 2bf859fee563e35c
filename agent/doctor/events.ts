// What happened on the host since a moment, from the journals of the units that a hop hangs on: what systemd
// did with them, and what they complained of. Only lines that look like news, the last of them, cut in
// length, and nothing that looks like a secret.
import { z } from 'zod';
import type { Host } from '../host/host.ts';
import { withoutSecrets } from '../secrets/secrets.ts';
import type { HopName } from './hops.ts';

export interface HostEvent {
  readonly atMs: number;
  readonly unit: string;
  readonly text: string;
}

const unitsOf: Readonly<Record<HopName, readonly string[]>> = {
  host: ['regnode', 'kubelet', 'containerd'],
  line: ['regnode'],
  gateway: ['regnode'],
  'api-server': ['kubelet'],
  kubelet: ['kubelet'],
  runtime: ['containerd', 'kubelet'],
  cni: ['containerd', 'kubelet'],
  pod: ['kubelet', 'containerd'],
};
const linesAsked = 500;
const eventsKept = 6;
const textLimit = 240;

export const journalArguments =
  /^--no-pager --output=json --lines=\d+ --since=@\d+( --unit=(regnode|kubelet|containerd)\.service)+$/;

const lineSchema = z.object({
  __REALTIME_TIMESTAMP: z.string(),
  MESSAGE: z.string(),
  _PID: z.string().optional(),
  UNIT: z.string().optional(),
  _SYSTEMD_UNIT: z.string().optional(),
  PRIORITY: z.string().optional(),
});

/** Empty when the journal does not answer. */
export async function readEvents(host: Host, hop: HopName, sinceMs: number): Promise<readonly HostEvent[]> {
  const { exitCode, stdout } = await host.processes.run('journalctl', [
    '--no-pager',
    '--output=json',
    `--lines=${linesAsked}`,
    `--since=@${Math.floor(sinceMs / 1000)}`,
    ...unitsOf[hop].map((unit) => `--unit=${unit}.service`),
  ]);
  return exitCode === 0 ? newsIn(stdout) : [];
}

/** Pure: the journal's JSON lines in, the last events out; one that repeats is told once, the last time. */
export function newsIn(lines: string): readonly HostEvent[] {
  const events = new Map<string, HostEvent>();
  for (const line of lines.split('\n')) {
    const event = newsOf(line);
    if (event === undefined) continue;
    const key = `${event.unit} ${event.text.replaceAll(/\d+/g, '#')}`;
    events.delete(key);
    events.set(key, event);
  }
  return [...events.values()].slice(-eventsKept);
}

function newsOf(line: string): HostEvent | undefined {
  const parsed = lineSchema.safeParse(parseJson(line));
  if (!parsed.success) return undefined;
  const { MESSAGE: message, UNIT, _SYSTEMD_UNIT, _PID, PRIORITY } = parsed.data;
  const bySystemd = _PID === '1';
  const isNews =
    (bySystemd &&
      /^(Start|Stop|Reload|\S+: (Main process|Failed|Scheduled|Killing|Consumed))/.test(message)) ||
    (!bySystemd && complains(message, PRIORITY));
  if (!isNews) return undefined;
  return {
    atMs: Math.floor(Number(parsed.data.__REALTIME_TIMESTAMP) / 1000),
    unit: (UNIT ?? _SYSTEMD_UNIT ?? '').replace(/\.service$/, ''),
    // Cut before it is cleaned: a line may be long, and the daemon reads hundreds of them.
    text: withoutSecrets(told(message).slice(0, 4 * textLimit)).slice(0, textLimit),
  };
}

/** klog begins with its severity, logrus names its level, pino numbers it. */
function complains(message: string, priority: string | undefined): boolean {
  return (
    Number(priority ?? 6) <= 3 ||
    /^[EF]\d{4} |\blevel=(error|fatal|panic)\b|"level":(40|50|60)\b/.test(message)
  );
}

/** What pino wrote as JSON is its message here; the rest of the line is for machines. */
function told(message: string): string {
  const pino = z.object({ msg: z.string(), code: z.string().optional() }).safeParse(parseJson(message));
  if (!pino.success) return message;
  return pino.data.code === undefined ? pino.data.msg : `${pino.data.code}: ${pino.data.msg}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
