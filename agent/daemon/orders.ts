// What the gateway says through the tunnel, each kind to the one who carries it out.
import { background } from '../../protocol/defect.ts';
import { RepeatFilter } from '../../protocol/rate/repeat-filter.ts';
import { startLeaving } from './departure.ts';
import type { Given } from './given.ts';
import type { Link } from './link.ts';
import type { Observation } from './observation.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { apiServerAccess, type Self } from './self.ts';
import type { Upkeep } from './upkeep.ts';
import type { Voice } from './voice.ts';

/** What is said again within this time is not done or told again. */
const heardOnceIn = { intervalMs: 10_000, remembered: 10 };

type Parts = Given & Self & Link & Observation & Upkeep & Voice;

export function takeOrders(parts: Parts): void {
  const { host, logger, course, tunnel, apiServer, renewal, telemetry, reconciler, presence, tell } = parts;
  const leave = oneAtATime(() => startLeaving(host, logger, course.leaving));
  const repeats = new RepeatFilter(heardOnceIn);
  const listen = () => background('API server listener', apiServer.setAccess(apiServerAccess(course)));
  reconciler.onChange(({ apiServerAccess: inUse }) => {
    course.accessInUse = inUse ?? course.accessInUse;
    listen();
  });
  tunnel.onControl((message) => {
    switch (message.kind) {
      case 'desired':
        course.desired = message.desired;
        telemetry.setIntervals(message.desired.telemetry);
        listen();
        reconciler.setDesired(message.desired);
        break;
      case 'leave':
        if (!repeats.isNew('leave', host.clock.monotonicMs())) break;
        course.leaving = message.reason;
        tell();
        background('leave', leave());
        break;
      case 'node':
        presence.seen(message);
        tell();
        break;
      case 'authority':
        background('trusted roots', renewal.trust(message.caPem));
        break;
      case 'report':
        if (repeats.isNew('report', host.clock.monotonicMs()))
          logger.warn('the gateway sent a report, which only an agent does');
    }
  });
}
