// A bug report, top to bottom: an id for the logs → every section, bounded → the doctor's and preflight's
// findings → clean what programs wrote, in every form that is searched → search everything for secrets, and
// refuse when one is found in what we wrote ourselves → one file, at once and only for root. Nothing on the
// host is changed but that file and one line in its log.
import { Fault, type Language } from '../../protocol/catalogue/fault.ts';
import { diagnose } from '../doctor/diagnose.ts';
import type { Host } from '../host/host.ts';
import { observe } from '../preflight/observed-host.ts';
import { explainReport } from '../preflight/report.ts';
import { runPreflight } from '../preflight/runner.ts';
import { secretsIn, withoutSecretsIn, withoutTellingLines } from '../secrets/secrets.ts';
import { type JoinedNode, readJoinedNode } from '../state/joined-node.ts';
import { agentVersion } from '../version.ts';
import { type ArchivedText, packTexts } from './archive.ts';
import { bugreportCommands } from './commands.ts';
import { knownSecrets } from './known-secrets.ts';
import { sections as allSections, type Section } from './sections.ts';

const bugreportSchemaVersion = 1;
const sectionLimitBytes = 2 * 1024 * 1024;
const sectionTimeoutMs = 45_000;

export interface BugreportOptions {
  readonly id: string;
  readonly language: Language;
  /** Of this process: they must not come out either. */
  readonly secrets: readonly (string | undefined)[];
  readonly signal?: AbortSignal;
  /** Other sections than the usual, for tests. */
  readonly sections?: readonly Section[];
}

export interface Bugreport {
  readonly archive: Uint8Array;
  readonly contents: readonly { readonly name: string; readonly bytes: number }[];
}

/** Throws BUGREPORT_SECRET, which names the section and the kind, never the secret. */
export async function makeBugreport(host: Host, options: BugreportOptions): Promise<Bugreport> {
  const atMs = host.clock.nowMs();
  const node = await readJoinedNode(host).catch(() => undefined);
  const known = await knownSecrets(host, node, options.secrets);
  const source = { host: observe(host, options.signal, bugreportCommands), node };
  const wanted = [...findings(host, node, options), ...(options.sections ?? allSections)];
  const read = await Promise.all(
    wanted.map(async (section): Promise<ArchivedText | undefined> => {
      const content = await bounded(section, () => section.read(source));
      if (content === undefined) return undefined;
      const clean = section.free ? withoutSecretsIn(content, known) : content;
      const text = typeof clean === 'string' ? clean : `${JSON.stringify(clean, undefined, 1)}\n`;
      const kept = cut(text);
      return { name: section.name, text: section.free ? withoutTellingLines(kept, known) : kept };
    }),
  );
  const texts = read.filter((text) => text !== undefined);
  const contents = texts.map(({ name, text }) => ({ name, bytes: Buffer.byteLength(text) }));
  const about = {
    schema: bugreportSchemaVersion,
    id: options.id,
    at: new Date(atMs).toISOString(),
    regnode: agentVersion,
    contents,
  };
  const all = [{ name: 'about.json', text: `${JSON.stringify(about, undefined, 1)}\n` }, ...texts];
  for (const { name, text } of all) {
    const kinds = secretsIn(text, known);
    if (kinds.length > 0) throw new Fault('BUGREPORT_SECRET', { section: name, kinds: kinds.join(', ') });
  }
  const folder = `regnode-bugreport-${options.id}`;
  const placed = all.map(({ name, text }) => ({ name: `${folder}/${name}`, text }));
  return {
    archive: await packTexts(placed, atMs),
    contents: all.map(({ name, text }) => ({ name, bytes: Buffer.byteLength(text) })),
  };
}

/** What the doctor and preflight say; their texts quote commands and errors, so they are cleaned too. */
function findings(host: Host, node: JoinedNode | undefined, options: BugreportOptions): Section[] {
  const { language, signal } = options;
  const identity = node?.state.identity;
  const context = {
    ...(identity && { gatewayUrl: identity.gatewayUrl, nodeName: identity.nodeName, pool: identity.pool }),
    ...(node?.identity && { caPem: node.identity.caPem }),
  };
  return [
    {
      name: 'doctor.json',
      free: true,
      read: async () => (node === undefined ? undefined : (await diagnose(host, language, signal)).report),
    },
    {
      name: 'preflight.json',
      free: true,
      read: async () =>
        explainReport(await runPreflight(host, context, { ...(signal && { signal }) }), language),
    },
  ];
}

/** A section that fails or takes too long says so in its place, and takes no other with it. */
async function bounded<T>(
  { name }: Section,
  read: () => Promise<T>,
): Promise<T | { failed: string } | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<{ failed: string }>();
  const timer = setTimeout(
    () => resolve({ failed: `${name}: nothing within ${sectionTimeoutMs / 1000} s` }),
    sectionTimeoutMs,
  );
  try {
    return await Promise.race([read(), late]);
  } catch (error) {
    // Its message may quote what was read; the name of the error says enough.
    return { failed: error instanceof Fault ? error.code : error instanceof Error ? error.name : 'error' };
  } finally {
    clearTimeout(timer);
  }
}

/** The end of what is too long: what happened last matters most. */
function cut(text: string): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= sectionLimitBytes) return text;
  const end = bytes.subarray(bytes.length - sectionLimitBytes).toString('utf8');
  return `# cut: the last ${sectionLimitBytes} of ${bytes.length} bytes\n${end.slice(end.indexOf('\n') + 1)}`;
}
