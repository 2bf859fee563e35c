// How a host joins, top to bottom: lock → preflight → register → install → start → Ready. Before it is
// registered only regnode's own folder exists, and a refusal takes that away again. Afterwards every change
// is in the journal. Run again, it goes on where it stopped; a joined host has nothing to do.
import { Fault, type FaultValues } from '../../protocol/catalogue/fault.ts';
import type { DesiredState } from '../../protocol/messages/desired.ts';
import { type JoinRequest, protocolVersion, type TokenCheckResponse } from '../../protocol/messages/join.ts';
import { gatewayManifests } from '../components/artifacts/gateway.ts';
import { artifactSource, type DownloadSettings } from '../components/artifacts/source.ts';
import { settingsInUse, settingsOf } from '../components/settings.ts';
import { neededArtifacts, versionsInUse, withProven } from '../components/versions.ts';
import { paths } from '../config/paths.ts';
import { isMendable } from '../host/disk-faults.ts';
import type { Host } from '../host/host.ts';
import { gatherFacts, requireNodeName } from '../identity/facts.ts';
import { createGatewayApi, type GatewayApi } from '../identity/gateway-api.ts';
import { createCertificateRequest, createKey } from '../identity/key.ts';
import { readIdentity, writeIdentity } from '../identity/store.ts';
import type { StepEvent } from '../plan/execute.ts';
import type { Plan } from '../plan/plan.ts';
import { assertNotLost } from '../plan/recovery.ts';
import { sweepStore } from '../plan/store.ts';
import { lockNodeFromDaemon } from '../state/lock.ts';
import { type NodeState, readState, writeState } from '../state/state.ts';
import { sweepStateFolder } from '../state/state-folder.ts';
import { admitDesired, establishTrust } from '../trust/accept.ts';
import { isRefusal, leavesOpen } from './join-faults.ts';
import { deregister, forgetNode, takeBack } from './leave.ts';
import { waitUntilReady } from './ready.ts';
import { reconcile } from './reconcile.ts';
import { giveUpReserve, keepReserve } from './reserve.ts';
import { askAboutToken } from './token.ts';

export type JoinPhase = 'wait' | 'preflight' | 'register' | 'install' | 'ready';

export interface JoinSettings {
  readonly gatewayUrl: string;
  readonly caPem: string;
  readonly nodeName: string;
  /** Absent when only a join that was begun is to be finished. */
  readonly token: string | undefined;
  /** Of the public key that signs the artifacts; absent when it is pinned already. */
  readonly artifactKeySha256: string | undefined;
  /** A manifest with a smaller one is older than the command, and refused. */
  readonly manifestSerial?: number;
  /** Where else than at the gateway artifacts are; absent: as the command before said. */
  readonly downloads?: DownloadSettings;
}

interface JoinListener {
  phase(phase: JoinPhase): void;
  plan(plan: Plan, round: number): void;
  step(event: StepEvent): void;
  waiting(detail: string): void;
}

export interface JoinOptions {
  readonly settings: JoinSettings;
  /**
   * Throws PREFLIGHT_FAILED when this host must not join; `pool` is what the gateway says of it, if it does.
   */
  readonly preflight: (pool?: TokenCheckResponse) => Promise<void>;
  /** Begun beside preflight, goes on beside the registration, ends before the first download. */
  readonly beforeInstall?: () => Promise<void>;
  readonly listener: JoinListener;
  readonly readyTimeoutMs: number;
  readonly signal: AbortSignal;
}

export interface JoinResult {
  readonly outcome: 'joined' | 'nothing-to-do';
  readonly identity: NodeState['identity'];
  readonly desired: DesiredState;
}

export async function joinNode(host: Host, options: JoinOptions): Promise<JoinResult> {
  await sweepStateFolder(host);
  const { listener, signal } = options;
  const lock = await lockNodeFromDaemon(host, 'regnode join', {
    onWait: () => listener.phase('wait'),
    signal,
  });
  let result: JoinResult;
  try {
    result = await joinLocked(host, options);
  } finally {
    await lock.release();
  }
  options.listener.phase('ready');
  const gateway = await connect(host, result.identity.gatewayUrl);
  try {
    await waitUntilReady(host, gateway, {
      nodeName: result.identity.nodeName,
      timeoutMs: options.readyTimeoutMs,
      onWaiting: options.listener.waiting,
      signal: options.signal,
    });
  } finally {
    gateway.close();
  }
  return result;
}

async function joinLocked(host: Host, options: JoinOptions): Promise<JoinResult> {
  const known = await readState(host);
  if (known?.phase === 'Leaving') throw new Fault('LEAVING');
  if (known === undefined) await assertNotLost(host);
  if (known !== undefined) requireSameNode(known, options.settings);
  const state =
    known === undefined ? await admit(host, options) : await toldAgain(host, known, options.settings);
  await options.beforeInstall?.();
  options.listener.phase('install');
  const desired = settingsInUse(versionsInUse(state.desired, state.versions), state.settings);
  const done = await install(host, state, desired, options);
  if (state.phase === 'Installing')
    await writeState(host, {
      ...state,
      phase: 'Joined',
      versions: withProven(state.versions, desired),
      settings: { proven: settingsOf(desired) },
    });
  const outcome = known?.phase === 'Joined' && done === 0 ? 'nothing-to-do' : 'joined';
  return { outcome, identity: state.identity, desired: state.desired };
}

/** The command may name other places for the artifacts this time. */
async function toldAgain(host: Host, known: NodeState, { downloads }: JoinSettings): Promise<NodeState> {
  if (downloads === undefined || JSON.stringify(downloads) === JSON.stringify(known.downloads)) return known;
  const state = { ...known, downloads };
  await writeState(host, state);
  return state;
}

function requireSameNode({ identity }: NodeState, { gatewayUrl, nodeName }: JoinSettings): void {
  if (identity.gatewayUrl === gatewayUrl && identity.nodeName === nodeName) return;
  throw new Fault('ALREADY_JOINED', { name: identity.nodeName, gateway: identity.gatewayUrl });
}

/**
 * Preflight, and beside it all that the request needs; then registration. A refusal leaves nothing behind.
 */
async function admit(host: Host, options: JoinOptions): Promise<NodeState> {
  const { settings, listener, signal } = options;
  const refused = new AbortController();
  const gateway = createGatewayApi({
    url: settings.gatewayUrl,
    caPem: settings.caPem,
    environment: host.environment,
  });
  const hadKey = (await host.files.status(paths.key)) !== undefined;
  let application: Promise<JoinRequest> | undefined;
  let isJudged = true;
  try {
    const pool = await askAboutToken(gateway, settings.token, hadKey, signal);
    isJudged = false;
    application = apply(host, settings, gateway, AbortSignal.any([signal, refused.signal]));
    application.catch(() => undefined); // preflight's refusal says more
    listener.phase('preflight');
    await options.preflight(pool);
    listener.phase('register');
    const request = await application;
    isJudged = true;
    return await registerNode(host, settings, gateway, request, signal);
  } catch (error) {
    refused.abort();
    await application?.catch(() => undefined);
    // Perhaps it was taken and the answer lost: then only this key may have the name, so it is kept for the
    // next try, and for the one after that when preflight ended it.
    if (isJudged ? !leavesOpen(error) : !hadKey) throw withKept(error, await forgetNode(host));
    throw error;
  } finally {
    gateway.close();
  }
}

// The key is on the disk before it is used: a crash between request and answer goes on with the same key.
async function apply(
  host: Host,
  settings: JoinSettings,
  gateway: GatewayApi,
  signal: AbortSignal,
): Promise<JoinRequest> {
  const nodeName = requireNodeName(settings.nodeName);
  const { token } = settings;
  if (token === undefined) throw new Fault('TOKEN_INVALID', { id: '(none given)' });
  const facts = await gatherFacts(host, settings.gatewayUrl);
  const csrPem = await createCertificateRequest(await ensureKey(host), nodeName);
  await keepReserve(host);
  // Before a use of the token is spent: a store that can't be trusted is refused without a trace.
  await establishTrust(host, gatewayManifests(gateway), settings, signal);
  return { protocolVersion, token, nodeName, csrPem, facts };
}

async function registerNode(
  host: Host,
  { gatewayUrl, downloads }: JoinSettings,
  gateway: GatewayApi,
  application: JoinRequest,
  signal: AbortSignal,
): Promise<NodeState> {
  const answer = await gateway.join(application, signal);
  await writeIdentity(host, answer);
  const state: NodeState = {
    phase: 'Installing',
    identity: {
      gatewayUrl,
      nodeName: answer.nodeName,
      pool: answer.pool,
      address: application.facts.addresses[0] ?? '',
      bootstrap: answer.bootstrap,
    },
    desired: answer.desired,
    versions: {},
    settings: {},
    agentFailures: [],
    ...(downloads === undefined ? {} : { downloads }),
  };
  await writeState(host, state);
  return state;
}

async function ensureKey(host: Host): Promise<string> {
  const existing = await host.files.readText(paths.key);
  if (existing !== undefined) return existing;
  const key = createKey();
  if ((await host.files.status(paths.identity)) === undefined) {
    await host.files.makeDirectory(paths.identity, 0o700);
  }
  await host.files.write(paths.key, key, { mode: 0o600 });
  return key;
}

/** `desired`: what the pool wants, with the versions in use, which need not be those of its manifest. */
async function install(
  host: Host,
  state: NodeState,
  desired: DesiredState,
  { settings: { caPem }, listener, signal }: JoinOptions,
): Promise<number> {
  const gateway = await connect(host, state.identity.gatewayUrl);
  try {
    await sweepStore(host, neededArtifacts(state.versions, [state.desired]));
    // Who runs the command means it: what was changed by hand is set back whatever the pool's policy.
    const source = artifactSource(host, { gateway, caPem, settings: state.downloads, desired });
    await admitDesired(host, state.desired, source, signal);
    const { steps } = await reconcile(
      host,
      { identity: state.identity, desired: { ...desired, driftPolicy: 'repair' } },
      { source, signal, onPlan: listener.plan, onStep: listener.step },
    );
    return steps;
  } catch (error) {
    if (state.phase === 'Installing' && isRefusal(error)) {
      // Not without the room to put back what was there: then it stays begun, and join or leave go on.
      await turnBack(host, gateway, error).catch((failure: unknown) => {
        throw isMendable(failure) ? error : failure;
      });
    }
    throw error;
  } finally {
    gateway.close();
  }
}

async function turnBack(host: Host, gateway: GatewayApi, cause: Fault): Promise<void> {
  await giveUpReserve(host);
  const { kept, failed } = await takeBack(host, { force: true });
  await deregister(gateway, true);
  // What could not be put back stays in the journal: "regnode leave" goes on with it.
  const left = failed.length === 0 ? await forgetNode(host) : failed;
  if (kept.length + left.length > 0) throw withKept(cause, [...kept, ...left]);
}

/** Says with the refusal what of the host is not as before. */
function withKept(error: unknown, kept: readonly string[]): unknown {
  if (!(error instanceof Fault) || kept.length === 0) return error;
  const values: FaultValues = { ...error.values, kept: kept.join('; ') };
  return new Fault(error.code, values, { cause: error });
}

async function connect(host: Host, url: string): Promise<GatewayApi> {
  const identity = await readIdentity(host);
  if (identity === undefined) throw new Fault('NOT_JOINED');
  return createGatewayApi({
    url,
    ...identity,
    environment: host.environment,
    reload: () => readIdentity(host),
  });
}
