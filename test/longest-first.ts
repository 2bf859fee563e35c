// The order of the test files: those that take longest are begun first, so that no core waits at
// the end for one that was begun last. Vitest knows how long a file took only where it ran before,
// which a fresh clone has not.
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * More than half a minute in process, more than two minutes on real hosts. Of the rest vitest begins the
 * largest file first, which says little: links and exec-resume are short to read, and wait.
 */
const longest = [
  'property/agent/crash-join',
  'property/agent/power-loss-join',
  'property/agent/crash-leave',
  'property/agent/full-disk',
  'property/agent/upgrade',
  'unit/installer/download',
  'unit/installer/join',
  'unit/installer/host',
  'unit/installer/manifest',
  'e2e/leave',
  'e2e/artifacts',
  'e2e/upgrade',
  'e2e/telemetry-faults',
  'e2e/cilium',
  'e2e/conditions',
  'e2e/upgrade-agent',
  'e2e/crash',
  'e2e/rpm',
  'e2e/api-through-tunnel',
  'e2e/links',
  'e2e/netcheck',
  'e2e/replicas',
  'e2e/exec-resume',
  'e2e/certificates',
  'e2e/lost-identity',
  'e2e/cold-start',
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
