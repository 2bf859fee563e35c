// The order of the test files: those that take longest are begun first, so that no core waits at
// the end for one that was begun last. Vitest knows how long a file took only where it ran before,
// which a fresh clone has not.
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** More than half a minute in process, more than two minutes on real hosts. */
const longest = [
  'property/agent/crash-join',
  'property/agent/power-loss-join',
  'property/agent/crash-leave',
  'property/agent/full-disk',
  'property/agent/upgrade',
  'e2e/upgrade',
  'e2e/telemetry-faults',
  'e2e/upgrade-agent',
  'e2e/crash',
  'e2e/rpm',
  'e2e/cilium',
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const index = longest.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
      return index === -1 ? longest.length : index;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}
