// regnode-gateway ca rotate
import { Command } from 'commander';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { rotateAuthority } from '../join/rotation.ts';
import { connectCluster } from '../kubernetes/connect.ts';
import { tellDone } from './outcome.ts';
import { printJson } from './output.ts';
import { duration } from './parse.ts';

interface Flags {
  readonly kubeconfig?: string;
  readonly overlap: number;
  readonly json?: true;
}

const longestOverlapMs = 365 * 24 * 3600_000;

export function authorityCommand(): Command {
  const rotate = new Command('rotate')
    .description(
      'make a new CA; the old one stays trusted for a while, and join commands that were printed before are void',
    )
    .option('--kubeconfig <file>', 'default: $KUBECONFIG, the pod’s service account, ~/.kube/config')
    .option('--overlap <duration>', 'how long both are trusted (default 90d)', duration, 90 * 24 * 3600_000)
    .option('--json', 'print the result as JSON')
    .action(async ({ kubeconfig, overlap, json }: Flags) => {
      if (overlap < 1000 || overlap > longestOverlapMs) {
        throw new Fault('USAGE', { detail: '--overlap: 1s to 365d' });
      }
      const { kubernetes } = await connectCluster(kubeconfig);
      const rotation = await rotateAuthority(kubernetes, overlap);
      if (json) printJson({ ...rotation });
      const until = rotation.previousTrustedUntil;
      tellDone({
        en: `a new CA signs from now on; the one before is trusted until ${until}`,
        zh: `新的 CA 已启用；旧 CA 在 ${until} 之前仍受信任`,
      });
    });
  return new Command('ca').description("the gateway's own certificate authority").addCommand(rotate);
}
