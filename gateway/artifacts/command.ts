// regnode-gateway bundle build
import { Command, InvalidArgumentError } from 'commander';
import { say } from '../cli/language.ts';
import { buildBundle } from './bundle.ts';

interface Flags {
  readonly from: string;
  readonly out: string;
  readonly agent?: string;
  readonly level: number;
  readonly json?: true;
}

export function bundleCommand(): Command {
  const build = new Command('build')
    .description('make an artifact store from DIR/COMPONENT/VERSION/ARCHITECTURE/…')
    .requiredOption('--from <dir>', 'folder of trees: containerd, runc, kubelet, cni-plugins, images, agent')
    .requiredOption('--out <dir>', 'the artifact store')
    .option('--agent <file>', 'ready-made regnode-VERSION-linux-ARCHITECTURE.tar.gz')
    .option('--level <n>', 'compression, 1 fast to 9 small', parseLevel, 6)
    .option('--json', 'print the manifest')
    .action(async ({ json, ...wish }: Flags) => {
      const manifest = await buildBundle({
        ...wish,
        progress: ({ path, sizeBytes, sha256 }, milliseconds) => {
          const mebibytes = (sizeBytes / 2 ** 20).toFixed(1);
          const seconds = (milliseconds / 1000).toFixed(1);
          process.stderr.write(`[ok] ${path} ${mebibytes} MiB sha256 ${sha256.slice(0, 16)}… ${seconds} s\n`);
        },
      });
      if (json) process.stdout.write(`${JSON.stringify(manifest)}\n`);
      const count = manifest.artifacts.length;
      process.stderr.write(
        `[ok] ${say({ en: `${count} artifact(s) in ${wish.out}`, zh: `${wish.out} 中共 ${count} 个制品` })}\n`,
      );
    });
  return new Command('bundle').description('artifact stores').addCommand(build);
}

function parseLevel(text: string): number {
  if (/^[1-9]$/.test(text)) return Number(text);
  throw new InvalidArgumentError('a number from 1 to 9');
}
