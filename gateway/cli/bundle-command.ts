// regnode-gateway bundle build | sign | verify | export | keygen
import { Command, InvalidArgumentError, Option } from 'commander';
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { Artifact } from '../../protocol/messages/desired.ts';
import type { Manifest } from '../../protocol/messages/manifest.ts';
import { printableJson } from '../../protocol/printable.ts';
import { buildBundle } from '../artifacts/bundle.ts';
import { exportBundle } from '../artifacts/export.ts';
import { addSignature, type Issue, reissueManifest } from '../artifacts/issue.ts';
import { generateKey, type KeyKind, readSigningKey } from '../artifacts/keys.ts';
import { verifyBundle } from '../artifacts/verify.ts';
import { say } from './language.ts';
import { printLines, tellProgress } from './output.ts';
import { collect, duration } from './parse.ts';

interface IssueFlags {
  readonly key?: readonly string[];
  readonly rotateTo?: string;
  readonly lifetime?: number;
  readonly serial?: number;
  readonly json?: true;
}

export function bundleCommand(): Command {
  return new Command('bundle')
    .description('artifact stores: what hosts install, signed')
    .addCommand(buildCommand())
    .addCommand(signCommand())
    .addCommand(verifyCommand())
    .addCommand(exportCommand())
    .addCommand(keygenCommand());
}

/** The options of whatever issues a manifest. */
function issuing(command: Command): Command {
  return command
    .option(
      '--key <file>',
      'private key that signs (several: repeat it); the first is the one of join commands',
      collect,
    )
    .option('--rotate-to <file>', 'the private key that hosts trust instead from now on; it signs too')
    .option('--lifetime <duration>', 'until the manifest expires', duration, 180 * 24 * 3600_000)
    .option('--serial <n>', 'default: the seconds since 1970', parseSerial)
    .option('--json', 'print the manifest');
}

async function readIssue({ key = [], rotateTo, lifetime, serial }: IssueFlags): Promise<Issue> {
  return {
    keys: await Promise.all(key.map(readSigningKey)),
    ...(rotateTo === undefined ? {} : { rotateTo: await readSigningKey(rotateTo) }),
    ...(lifetime === undefined ? {} : { lifetimeMs: lifetime }),
    ...(serial === undefined ? {} : { serial }),
  };
}

interface BuildFlags extends IssueFlags {
  readonly installScript?: string;
  readonly from: string;
  readonly out: string;
  readonly agent?: string;
  readonly level: number;
}

function buildCommand(): Command {
  return issuing(new Command('build'))
    .description(
      'make an artifact store from DIR/COMPONENT/VERSION/ARCHITECTURE/… and upstream archives in DIR',
    )
    .requiredOption('--from <dir>', 'folder of containerd, runc, kubelet, cni-plugins, crictl, images, agent')
    .requiredOption('--out <dir>', 'the artifact store')
    .option('--agent <file>', 'ready-made regnode-VERSION-linux-ARCHITECTURE.tar.gz')
    .option('--install-script <file>', 'what join commands run first (default: install.sh of this checkout)')
    .option('--level <n>', 'compression, 1 fast to 9 small', parseLevel, 6)
    .action(async (flags: BuildFlags) => {
      const { from, out, agent, installScript, level } = flags;
      const issue = await readIssue(flags);
      const manifest = await buildBundle({
        ...issue,
        from,
        out,
        level,
        ...(agent === undefined ? {} : { agent }),
        ...(installScript === undefined ? {} : { installScript }),
        progress: ({ path, sizeBytes, sha256 }, milliseconds) => {
          const mebibytes = (sizeBytes / 2 ** 20).toFixed(1);
          const seconds = (milliseconds / 1000).toFixed(1);
          tell(`${path} ${mebibytes} MiB sha256 ${sha256.slice(0, 16)}… ${seconds} s`);
        },
      });
      const isSigned = (flags.key?.length ?? 0) > 0 || issue.rotateTo !== undefined;
      tellIssued(manifest, out, isSigned, flags);
    });
}

interface SignFlags extends IssueFlags {
  readonly installScript?: string;
  readonly store: string;
  readonly add?: true;
}

function signCommand(): Command {
  return issuing(new Command('sign'))
    .description('issue the manifest of a store anew: another serial, date and expiry, signed')
    .requiredOption('--store <dir>', 'folder with manifest.json; the archives need not be there')
    .option('--install-script <file>', 'put it before the ones that are listed (default: keep those)')
    .option('--add', 'only add the signature of --key to the manifest as it is')
    .action(async (flags: SignFlags) => {
      const issue = await readIssue(flags);
      const [first] = issue.keys ?? [];
      if (first === undefined) throw new Fault('USAGE', { detail: '--key FILE is needed' });
      if (flags.add && ((flags.key?.length ?? 0) > 1 || issue.rotateTo || flags.installScript)) {
        throw new Fault('USAGE', { detail: '--add goes with one --key and nothing else' });
      }
      const manifest = flags.add
        ? await addSignature(flags.store, first)
        : await reissueManifest(flags.store, issue, flags.installScript);
      tellIssued(manifest, flags.store, true, flags);
    });
}

function tellIssued(manifest: Manifest, store: string, isSigned: boolean, { json }: IssueFlags): void {
  const { serial, expiresAt, artifacts } = manifest;
  if (json) printLines(printableJson(JSON.stringify(manifest)));
  const count = artifacts.length;
  tell(
    say({
      en: `${count} artifact(s) in ${store}, serial ${serial}, good until ${expiresAt}`,
      zh: `${store} 中共 ${count} 个制品，序号 ${serial}，有效期至 ${expiresAt}`,
    }),
  );
  if (isSigned) return;
  tellProgress(
    `[warn] ${say({ en: 'not signed: no gateway offers it before "bundle sign"', zh: '尚未签名：执行 bundle sign 之前网关不会提供' })}`,
  );
}

function verifyCommand(): Command {
  return new Command('verify')
    .description('verify a store, or the tar made of it, as a host does')
    .argument('<path>', 'folder or tar')
    .option(
      '--key-sha256 <hash>',
      'the key that must have signed (default: one that lies beside the manifest)',
    )
    .option('--json', 'print what was found')
    .action(async (path: string, { keySha256, json }: { keySha256?: string; json?: true }) => {
      const options = keySha256 === undefined ? {} : { keySha256 };
      const { stored, archives, installerFault } = await verifyBundle(path, options);
      for (const { entry, fault } of archives) {
        if (fault) tellProgress(`[fail] ${fault.code}: ${fault.message}`);
        else tell(`${entry.path} ${entry.licence}`);
      }
      if (installerFault) tellProgress(`[fail] ${installerFault.code}: ${installerFault.message}`);
      const { serial, expiresAt } = stored.manifest;
      if (json) {
        const list = archives.map(({ entry, fault }) => ({
          ...entry,
          ...(fault ? { fault: fault.toWire() } : {}),
        }));
        const answer = { serial, expiresAt, keySha256: stored.keySha256, archives: list };
        printLines(printableJson(JSON.stringify(answer)));
      }
      const wrong = archives.find(({ fault }) => fault)?.fault ?? installerFault;
      if (wrong) throw wrong;
      tell(
        say({
          en: `signed by ${stored.keySha256}, serial ${serial}, good until ${expiresAt}`,
          zh: `由 ${stored.keySha256} 签名，序号 ${serial}，有效期至 ${expiresAt}`,
        }),
      );
    });
}

function exportCommand(): Command {
  return new Command('export')
    .description('one tar of a store, for hosts with no way out: install.sh --artifact-dir FILE')
    .requiredOption('--store <dir>', 'the artifact store')
    .requiredOption('--out <file>', 'the tar')
    .addOption(new Option('--architecture <name>', 'only what this one needs').choices(['amd64', 'arm64']))
    .action(async (flags: { store: string; out: string; architecture?: Artifact['architecture'] }) => {
      const { manifest } = await exportBundle(flags.store, flags.out, flags.architecture);
      tell(
        say({ en: `${flags.out}, serial ${manifest.serial}`, zh: `${flags.out}，序号 ${manifest.serial}` }),
      );
    });
}

function keygenCommand(): Command {
  return new Command('keygen')
    .description('make a key that signs manifests; keep it away from the gateway')
    .requiredOption('--out <file>', 'the private key; the public one is written to FILE.pub')
    .addOption(
      new Option('--kind <kind>', 'both can be verified on el7')
        .choices(['ecdsa-p256', 'rsa-3072'])
        .default('ecdsa-p256'),
    )
    .option('--json', 'print the hash of the public key and its file')
    .action(async ({ out, kind, json }: { out: string; kind: KeyKind; json?: true }) => {
      const made = await generateKey(out, kind);
      if (json) printLines(printableJson(JSON.stringify(made)));
      tell(`${out} (0600), ${made.publicFile}: sha256 ${made.keySha256}`);
    });
}

const tell = (text: string) => tellProgress(`[ok] ${text}`);

function parseLevel(text: string): number {
  if (/^[1-9]$/.test(text)) return Number(text);
  throw new InvalidArgumentError('a number from 1 to 9');
}

function parseSerial(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('a whole number from 1');
}
