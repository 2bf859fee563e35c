// Kubernetes Events about registered nodes and pools. An Event is a note for people: it never fails the work
// that it tells of, and one that repeats within a few minutes only counts up. About one object there are so
// many in a while: they lie in etcd for an hour, and some of them are what a node says.
import type { Logger } from 'pino';
import { type EventCode, eventTexts } from '../../protocol/catalogue/events.ts';
import { type FaultValues, fill } from '../../protocol/catalogue/fault.ts';
import { TokenBuckets } from '../../protocol/rate/token-bucket.ts';
import { events, type Kind, type KubernetesObject } from './kinds.ts';
import type { Kubernetes } from './kubernetes.ts';

const repeatWindowMs = 10 * 60_000;
const remembered = 1000;
/** Of one object; a node that is upgraded with all its parts has a dozen. */
const perObject = { burst: 50, perSecond: 1 / 60 };
const rememberedObjects = 20_000;
/** Events of cluster-scoped objects live here by convention. */
const namespace = 'default';

export interface Note {
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, stable. */
  readonly reason: string;
  readonly message: string;
}

/** A code of the catalogue as Kubernetes has it: reason and message of an event or a condition. */
export function told(code: EventCode, values: FaultValues = {}): { reason: string; message: string } {
  const reason = code
    .toLowerCase()
    .replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return { reason, message: fill(eventTexts[code].en.message, values) };
}

export type RecordEvent = <T extends KubernetesObject>(
  kind: Kind<T>,
  about: { name: string; uid?: string | undefined },
  note: Note,
) => void;

export function createEventRecorder(
  kubernetes: Kubernetes,
  logger: Pick<Logger, 'debug'>,
  now: () => number,
  onDropped: () => void = () => {},
): RecordEvent {
  const notes = new TokenBuckets(perObject, rememberedObjects);
  const recent = new Map<string, { name: string; count: number; firstMs: number }>();

  return (kind, about, note) => {
    const at = now();
    const object = `${kind.kind} ${about.name}`;
    if (!notes.take(object, 1, at)) return onDropped();
    const key = [kind.kind, about.name, about.uid, note.reason, note.message].join('\n');
    const known = recent.get(key);
    const entry =
      known && at - known.firstMs < repeatWindowMs
        ? { ...known, count: known.count + 1 }
        : { name: `${about.name}.${at.toString(16)}${recent.size.toString(16)}`, count: 1, firstMs: at };
    recent.delete(key);
    recent.set(key, entry);
    for (const oldest of recent.keys()) {
      if (recent.size <= remembered) break;
      recent.delete(oldest);
    }
    const lastTimestamp = new Date(at).toISOString();
    const written =
      entry.count > 1
        ? kubernetes.patch(events, entry.name, { count: entry.count, lastTimestamp }, { namespace })
        : kubernetes.create(events, {
            metadata: { name: entry.name, namespace },
            involvedObject: {
              apiVersion: kind.apiVersion,
              kind: kind.kind,
              name: about.name,
              ...(about.uid ? { uid: about.uid } : {}),
            },
            reason: note.reason,
            message: note.message.slice(0, 1024),
            type: note.type,
            count: 1,
            firstTimestamp: lastTimestamp,
            lastTimestamp,
            source: { component: 'regnode-gateway' },
          });
    written.catch((error: unknown) => logger.debug({ err: error, reason: note.reason }, 'event not written'));
  };
}
