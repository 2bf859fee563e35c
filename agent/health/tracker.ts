// From observations to findings, with hysteresis: what is bad for long enough becomes visible, what is
// good for long enough is gone, and a finding names the visible one that it is a consequence of. No
// clock and no host of its own.
import type { HealthFinding } from '../../protocol/messages/health.ts';
import type { HealthCode, HealthCondition, Observation } from './condition.ts';
import { textsOf } from './texts.ts';

type Visible = Omit<HealthFinding, 'cause'>;

interface Track {
  readonly state: 'good' | 'bad';
  /** Since when it is in this state without a break. */
  readonly sinceMonotonicMs: number;
  readonly since: string;
  readonly visible: Visible | undefined;
}

export interface Moment {
  readonly nowMs: number;
  readonly monotonicMs: number;
}

export class HealthTracker {
  readonly #rows: ReadonlyMap<string, HealthCondition>;
  readonly #tracks = new Map<string, Track>();

  /**
   * `remembered`: what was visible before the agent was restarted; it stays until
   * it was good for long enough.
   */
  constructor(table: readonly HealthCondition[], remembered: readonly HealthFinding[] = []) {
    this.#rows = new Map(table.map((row) => [row.code, row]));
    for (const { cause: _, ...visible } of remembered) {
      if (!this.#rows.has(visible.code)) continue;
      const { code, since } = visible;
      this.#tracks.set(code, { state: 'bad', sinceMonotonicMs: -Infinity, since, visible });
    }
  }

  isVisible(code: HealthCode): boolean {
    return this.#tracks.get(code)?.visible !== undefined;
  }

  /** True when the findings are others than before. */
  observe(observations: readonly Observation[], moment: Moment): boolean {
    let changed = false;
    for (const observation of observations) {
      const row = this.#rows.get(observation.code);
      if (row === undefined || observation.state === 'unknown') continue;
      const before = this.#tracks.get(observation.code);
      const after = advance(row, before, observation, moment);
      this.#tracks.set(observation.code, after);
      changed ||= after.visible !== before?.visible;
    }
    return changed;
  }

  /** The causes first, then what is worse, then what is older. */
  get findings(): readonly HealthFinding[] {
    return [...this.#tracks.values()]
      .flatMap(({ visible }) => visible ?? [])
      .map((visible) => ({ ...visible, ...this.#causeOf(visible) }))
      .toSorted(
        (a, b) =>
          Number(a.cause !== undefined) - Number(b.cause !== undefined) ||
          a.severity.localeCompare(b.severity) ||
          a.since.localeCompare(b.since) ||
          a.code.localeCompare(b.code),
      );
  }

  #causeOf({ code }: Visible): { cause?: string } {
    const cause = this.#rootsOf(code, new Set([code]))[0];
    return cause === undefined ? {} : { cause };
  }

  /** What is visible at the end of the ways through `dependsOn`, also through what is not visible itself. */
  #rootsOf(code: string, passed: Set<string>): readonly string[] {
    const below = (this.#rows.get(code)?.dependsOn ?? []).filter((one) => !passed.has(one));
    return below.flatMap((one) => {
      passed.add(one);
      const roots = this.#rootsOf(one, passed);
      return roots.length > 0 || !this.isVisible(one) ? roots : [one];
    });
  }
}

function advance(row: HealthCondition, before: Track | undefined, seen: Observation, moment: Moment): Track {
  const state = seen.state === 'bad' ? 'bad' : 'good';
  const isSame = before?.state === state;
  const knownMs = seen.lastedMs ?? 0;
  const sinceMonotonicMs = isSame ? before.sinceMonotonicMs : moment.monotonicMs - knownMs;
  const since = isSame ? before.since : new Date(moment.nowMs - knownMs).toISOString();
  const lastedMs = moment.monotonicMs - sinceMonotonicMs;
  const visible = before?.visible;
  const track = { state, sinceMonotonicMs, since } as const;
  if (state === 'good') return { ...track, visible: lastedMs >= row.clearsAfterMs ? undefined : visible };
  if (visible === undefined && lastedMs < row.visibleAfterMs) return { ...track, visible };
  const next = finding(row, seen, visible?.since ?? since);
  // What is visible already is told anew only when it has become something else, never for a new number.
  const isNews = visible?.severity !== next.severity || visible.problem !== next.problem;
  return { ...track, visible: isNews ? next : visible };
}

function finding(row: HealthCondition, seen: Observation, since: string): Visible {
  const { code, condition, dependsOn } = row;
  const { problem, values = {} } = seen;
  return {
    code,
    ...(problem === undefined ? {} : { problem }),
    condition,
    severity: seen.severity ?? row.severity,
    since,
    dependsOn: [...dependsOn],
    values,
    ...textsOf({ code, problem, values }, 'en'),
  };
}
