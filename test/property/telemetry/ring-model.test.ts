// The ring against what is written down beside it, one thread, every interleaving of produce, publish, read
// and free that fast-check thinks of; positions and sequences begin just below 2³² as often as not.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RingConsumer } from '../../../agent/telemetry/ring/consumer.ts';
import { createRing } from '../../../agent/telemetry/ring/layout.ts';
import { RingProducer } from '../../../agent/telemetry/ring/producer.ts';
import { recordClass } from '../../../protocol/telemetry/record.ts';
import { columnOf } from './ring-content.ts';
import { CheckingReader } from './ring-reader.ts';

const step = fc.oneof(
  fc.record({ do: fc.constant('begin' as const), columns: fc.nat({ max: 40 }) }),
  fc.record({ do: fc.constant('cancel' as const) }),
  fc.record({ do: fc.constant('publish' as const) }),
  fc.record({ do: fc.constant('read' as const), limitBytes: fc.integer({ min: 16, max: 4096 }) }),
  fc.record({ do: fc.constant('free' as const) }),
);
const near32 = fc.oneof(fc.constant(0), fc.integer({ min: -64, max: 0 }));

describe('the ring, step by step', () => {
  test('order, content, holes and the account are exact whatever the interleaving', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(128, 256, 1024, 65536),
        near32,
        near32,
        fc.array(step, { minLength: 20, maxLength: 400, size: 'max' }),
        (capacityBytes, position, startSequence, steps) => {
          const memory = createRing({ capacityBytes, epoch: 1, startPosition: position * 8, startSequence });
          const producer = new RingProducer(memory);
          const ring = new RingConsumer(memory);
          const reader = new CheckingReader(ring, startSequence);
          let begun = 0;
          let canCancel = false;
          for (const action of steps) {
            if (action.do === 'begin') {
              const first = producer.begin(recordClass.metric, action.columns, begun, action.columns);
              for (let column = 0; first >= 0 && column < action.columns; column += 1) {
                producer.columns[first + column] = columnOf(begun, column);
              }
              begun += 1;
              canCancel = first >= 0;
            } else if (action.do === 'cancel' && canCancel) {
              producer.cancel();
              begun -= 1;
              canCancel = false;
            } else if (action.do === 'publish') {
              producer.publish();
              canCancel = false;
            } else if (action.do === 'read') reader.readRun(action.limitBytes);
            else if (action.do === 'free') ring.move('free', reader.position);
            const { sequence, written, lost } = ring.account();
            expect((startSequence + written + lost) >>> 0).toBe(sequence);
          }
          // Drain it: in the end every record begun was read or is reported lost.
          for (let round = 0; round < 4; round += 1) {
            producer.publish();
            while (reader.readRun(65536) !== undefined);
            ring.move('free', reader.position);
          }
          expect(producer.hasUnreportedLoss).toBe(false);
          expect(reader.metricRecords + reader.reportedLost).toBe(begun);
          expect(ring.account()).toMatchObject({ written: reader.readRecords, lost: reader.reportedLost });
        },
      ),
      { numRuns: 1000 },
    );
  });
});
