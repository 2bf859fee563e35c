// regnodectl token create | list | revoke
import { Command } from 'commander';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { nodeNamePattern } from '../../protocol/messages/join.ts';
import { joinCommand } from '../join/command.ts';
import {
  type ArtifactIssue,
  type PublicAddress,
  readAddress,
  verifiedIssue,
} from '../join/public-address.ts';
import { createToken, listTokens, revokeToken, type TokenBinding } from '../join/token.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';
import { nodePools } from '../resources/node-pool.ts';
import { connect, sharedFlags } from './context.ts';
import { ownLanguage, say } from './language.ts';
import { tellDone } from './outcome.ts';
import { printJson, printLines, printTable, tellProgress } from './output.ts';
import { collect, count, duration, requireRange } from './parse.ts';

const maxUses = 1000;
const maxLifetimeMs = 30 * 24 * 3600_000;

interface CreateFlags {
  readonly pool: string;
  readonly ttl: number;
  readonly uses: number;
  readonly name?: string;
  readonly cidr?: readonly string[];
  readonly machineId?: string;
  readonly gatewayUrl?: string;
  readonly artifactKeySha256?: string;
  readonly dryRun?: true;
}

export function tokenCommand(): Command {
  return new Command('token')
    .description('join tokens: the right to join one pool, for a while, a number of times')
    .addCommand(createCommand())
    .addCommand(listCommand())
    .addCommand(revokeCommand());
}

function createCommand(): Command {
  return new Command('create')
    .description('make a token and print the command that joins a host')
    .requiredOption('--pool <pool>', 'the pool that hosts will join')
    .option('--ttl <duration>', 'how long it is good', duration, 3600_000)
    .option('--uses <n>', 'how many hosts may join with it', count, 1)
    .option('--name <name>', 'name of the node, and no other (default: what the host calls itself)')
    .option('--cidr <range>', 'only for hosts that come from there, may be repeated', collect)
    .option('--machine-id <id>', 'only for the host with this /etc/machine-id')
    .option('--gateway-url <url>', 'default: as the gateway was started with --public-url')
    .option(
      '--artifact-key-sha256 <hash>',
      'the key that must have signed install.sh and the artifacts (default: the one that the gateway names)',
    )
    .option('--dry-run', 'check everything, make nothing')
    .action(create);
}

async function create(flags: CreateFlags, command: Command): Promise<void> {
  const { pool, ttl, uses, name } = flags;
  if (uses < 1 || uses > maxUses) throw new Fault('USAGE', { detail: `--uses: 1 to ${maxUses}` });
  if (ttl < 1000 || ttl > maxLifetimeMs) throw new Fault('USAGE', { detail: '--ttl: 1s to 30d' });
  if (name !== undefined && uses !== 1)
    throw new Fault('USAGE', { detail: '--name goes with --uses 1 only' });
  const binding = bindingOf(flags);
  const { kubernetes } = await connect(command);
  if (!(await kubernetes.get(nodePools, pool))) throw new Fault('POOL_NOT_FOUND', { pool });
  const address = await gatewayAddress(kubernetes, flags);
  const { publicUrl: gatewayUrl, ...named } = address;
  if (flags.dryRun) {
    if (sharedFlags(command).json) printJson({ pool, uses, binding, gatewayUrl, ...named, dryRun: true });
    tellDone({
      en: `would make a token for the pool ${pool} with ${uses} use(s) (--dry-run)`,
      zh: `将为节点池 ${pool} 创建可用 ${uses} 次的令牌（--dry-run）`,
    });
    return;
  }

  const { token, text } = await createToken(kubernetes, { pool, lifetimeMs: ttl, uses, binding });
  const line = joinCommand({
    gatewayUrl,
    ...named,
    token: text,
    language: ownLanguage(),
    ...(name === undefined ? {} : { nodeName: name }),
  });
  if (sharedFlags(command).json) {
    const { id, expiresAt } = token;
    printJson({ id, pool, expiresAt, uses, binding, token: text, gatewayUrl, ...named, command: line });
    return;
  }
  tellProgress(
    say({
      en: `Token ${token.id} for the pool ${pool}: ${uses} use(s), good until ${token.expiresAt}.\nRun this as root on the host:\n`,
      zh: `节点池 ${pool} 的令牌 ${token.id}：可用 ${uses} 次，有效期至 ${token.expiresAt}。\n请在主机上以 root 身份运行：\n`,
    }),
  );
  printLines(line);
}

/** What the command names; of the artifacts only what the key has signed. */
function bindingOf({ name, cidr, machineId }: CreateFlags): TokenBinding {
  if (name !== undefined && !nodeNamePattern.test(name)) throw new Fault('NODE_NAME_INVALID', { name });
  if (machineId !== undefined && !/^[0-9a-f]{32}$/.test(machineId))
    throw new Fault('USAGE', { detail: `--machine-id: "${machineId}" is no machine-id` });
  return {
    ...(name === undefined ? {} : { nodeName: name }),
    ...(machineId === undefined ? {} : { machineId }),
    ...(cidr === undefined ? {} : { cidrs: cidr.map(requireRange) }),
  };
}

/** `idc-1 from 10.77.0.0/24` */
function describeBinding({ nodeName, machineId, cidrs }: TokenBinding): string {
  const parts = [
    nodeName ?? '',
    machineId === undefined ? '' : `machine ${machineId}`,
    cidrs === undefined ? '' : `from ${cidrs.join(', ')}`,
  ];
  return parts.filter(Boolean).join(' ') || 'any host';
}

async function gatewayAddress(
  kubernetes: Kubernetes,
  flags: CreateFlags,
): Promise<PublicAddress & ArtifactIssue> {
  const stored = await readAddress(kubernetes);
  if (stored === undefined) throw new Fault('GATEWAY_URL_UNKNOWN');
  const publicUrl = (flags.gatewayUrl ?? stored.publicUrl).replace(/\/+$/, '');
  const { artifactKeySha256 = stored.artifactKeySha256 } = flags;
  const issue = verifiedIssue(stored, artifactKeySha256);
  return { publicUrl, caSha256: stored.caSha256, artifactKeySha256, ...issue };
}

function listCommand(): Command {
  return new Command('list')
    .description('all tokens (never their secrets)')
    .action(async (_flags: unknown, command: Command) => {
      const { kubernetes } = await connect(command);
      const tokens = await listTokens(kubernetes);
      const state = ({ expiresAt, usesLeft }: (typeof tokens)[number]) =>
        Date.parse(expiresAt) <= Date.now() ? 'expired' : usesLeft < 1 ? 'used up' : 'good';
      if (sharedFlags(command).json) {
        printJson({ tokens: tokens.map((token) => ({ ...token, state: state(token) })) });
        return;
      }
      printTable(
        ['ID', 'POOL', 'STATE', 'USES LEFT', 'EXPIRES', 'FOR', 'USED BY'],
        tokens.map((token) => [
          token.id,
          token.pool,
          state(token),
          `${token.usesLeft}/${token.usesAllowed}`,
          token.expiresAt,
          describeBinding(token.binding),
          token.usedBy.map(({ node }) => node).join(', '),
        ]),
      );
    });
}

function revokeCommand(): Command {
  return new Command('revoke')
    .description('delete a token; hosts that joined with it stay')
    .argument('<id>', 'id, or the whole token')
    .option('--dry-run', 'print what would be deleted')
    .action(async (idOrText: string, { dryRun }: { dryRun?: true }, command: Command) => {
      const { kubernetes } = await connect(command);
      const id = idOrText.replace(/^rt-/, '').slice(0, 6);
      const found = dryRun
        ? (await listTokens(kubernetes)).some((token) => token.id === id)
        : await revokeToken(kubernetes, idOrText);
      if (!found) throw new Fault('TOKEN_INVALID', { id });
      if (sharedFlags(command).json) printJson({ revoked: id, dryRun: dryRun ?? false });
      tellDone(
        dryRun
          ? { en: `would revoke the token ${id} (--dry-run)`, zh: `将吊销令牌 ${id}（--dry-run）` }
          : { en: `token ${id} revoked`, zh: `令牌 ${id} 已吊销` },
      );
    });
}
