// The routes of the public port: what a host needs to install itself and join, and what a node may ask.
import { Fault } from '../../protocol/catalogue/fault.ts';
import { drainRequestSchema, type NodeStatusResponse } from '../../protocol/messages/join.ts';
import { installerName } from '../../protocol/messages/manifest.ts';
import { readFromPeer } from '../../protocol/messages/newer-peer.ts';
import { readInstaller } from '../artifacts/installer.ts';
import { serveArtifact } from '../artifacts/serving.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import type { Audit } from '../audit/audit.ts';
import type { Counters } from '../audit/counters.ts';
import { heldRegistration, type NodeIdentity, type PeerCertificate } from '../join/client-certificate.ts';
import type { JoinDesk } from '../join/join.ts';
import type { RecordEvent } from '../kubernetes/event-recorder.ts';
import type { NodeObject } from '../kubernetes/kinds.ts';
import { uncordon } from '../nodes/cordon.ts';
import type { Departures } from '../nodes/departures.ts';
import { planDrain } from '../nodes/drain.ts';
import { ownNode } from '../nodes/own-node.ts';
import type { Reconciler } from '../nodes/reconciler.ts';
import { readyHeartbeatOf, readyMessage, readyOf } from '../nodes/status.ts';
import { answerJson, answerText, readJson } from '../port/answer.ts';
import type { Route } from '../port/route.ts';
import { factsRoute } from './facts-route.ts';
import { JoinPatience } from './join-patience.ts';
import { joinRoute } from './join-route.ts';
import { withinBudget } from './node-budget.ts';
import { renewalRoute } from './renewal-route.ts';
import { tokenRoute } from './token-route.ts';

export interface RoutesOptions {
  readonly desk: JoinDesk;
  readonly store: ArtifactStore;
  readonly departures: Departures;
  readonly reconciler: Reconciler;
  /** As it was seen last. */
  readonly node: (name: string) => NodeObject | undefined;
  readonly audit: Audit;
  readonly counters: Counters;
  readonly recordEvent: RecordEvent;
}

export function publicRoutes(options: RoutesOptions): readonly Route[] {
  const { desk, store, departures, reconciler } = options;
  const { kubernetes } = desk;
  const held = (node: NodeIdentity, certificate: PeerCertificate) =>
    heldRegistration(kubernetes, node.name, certificate);
  const patience = new JoinPatience(kubernetes, desk.now);
  const routes: readonly Route[] = [
    {
      methods: ['GET', 'HEAD'],
      path: '/healthz',
      access: 'anybody',
      run: ({ response }) => answerText(response, 'text/plain', 'ok\n'),
    },
    {
      methods: ['GET', 'HEAD'],
      path: '/cacert',
      access: 'anybody',
      run: ({ response }) => answerText(response, 'application/x-pem-file', desk.authority.caPem),
    },
    {
      methods: ['GET', 'HEAD'],
      path: '/install.sh',
      access: 'anybody',
      run: async ({ response }) => {
        answerText(response, 'text/x-shellscript', await newestInstaller(store));
      },
    },
    {
      methods: ['GET', 'HEAD'],
      path: '/artifacts/',
      access: 'anybody',
      run: ({ request, response, path }) => serveArtifact(store, path, request, response),
    },
    { methods: ['POST'], path: '/v1/join', access: 'anybody', run: joinRoute({ ...options, patience }) },
    {
      methods: ['POST'],
      path: '/v1/join/token',
      access: 'anybody',
      run: tokenRoute({ ...options, patience }),
    },
    { methods: ['POST'], path: '/v1/node/renew', access: 'renewal', run: renewalRoute(options) },
    {
      methods: ['POST'],
      path: '/v1/node/drain',
      access: 'node',
      run: async ({ request, response }, node, certificate) => {
        const asked = readFromPeer(drainRequestSchema, await readJson(request));
        if (!asked.success) throw new Fault('REQUEST_MALFORMED', { detail: 'no drain' });
        const { waitMs } = asked.data;
        const registered = await held(node, certificate);
        answerJson(response, 200, await departures.drain(registered, 'the host leaves', { waitMs }));
      },
    },
    {
      methods: ['GET'],
      path: '/v1/node/drain-plan',
      access: 'node',
      run: async ({ response }, node, certificate) => {
        answerJson(response, 200, await planDrain(kubernetes, await held(node, certificate)));
      },
    },
    {
      methods: ['POST'],
      path: '/v1/node/upgrade-drain',
      access: 'node',
      run: async ({ response }, node, certificate) => {
        answerJson(
          response,
          200,
          await departures.drain(await held(node, certificate), 'another kubelet', {
            evictUnmanaged: false,
          }),
        );
      },
    },
    {
      methods: ['POST'],
      path: '/v1/node/uncordon',
      access: 'node',
      run: async ({ response }, node, certificate) => {
        await uncordon(kubernetes, await held(node, certificate));
        answerJson(response, 200, {});
      },
    },
    {
      methods: ['POST'],
      path: '/v1/node/deregister',
      access: 'node',
      run: async ({ response }, node, certificate) => {
        await departures.deregister(await held(node, certificate));
        answerJson(response, 200, {});
      },
    },
    { methods: ['POST'], path: '/v1/node/facts', access: 'node', run: factsRoute(options) },
    {
      methods: ['GET'],
      path: '/v1/node/status',
      access: 'node',
      run: async ({ response }, identity, certificate) => {
        const { name, pool } = identity;
        const registered = await held(identity, certificate);
        // Of the copy: what a kubelet writes into its Node may be megabytes, and it
        // asks three times a second.
        const node = ownNode(registered, options.node(name));
        const status: NodeStatusResponse = {
          nodeName: name,
          pool,
          registered: registered.metadata.deletionTimestamp === undefined,
          tunnelConnected: registered.status?.tunnel?.connected ?? false,
          ready: readyOf(node),
          readyMessage: readyMessage(node),
          unschedulable: node?.spec?.unschedulable ?? false,
          kubeletVersion: node?.status?.nodeInfo?.kubeletVersion ?? '',
          readyHeartbeatAt: readyHeartbeatOf(node),
          holder: registered.status?.tunnel?.host,
          identityConflict: registered.status?.identityConflict,
        };
        answerJson(response, 200, status);
      },
    },
    {
      methods: ['GET'],
      path: '/v1/node/desired',
      access: 'node',
      run: async ({ response }, node, certificate) => {
        const desired = await reconciler.desired(await held(node, certificate));
        if (!desired)
          throw new Fault('GATEWAY_UNAVAILABLE', { detail: 'the pool asks for what the store lacks' });
        answerJson(response, 200, desired);
      },
    },
  ];
  return withinBudget(routes, { audit: options.audit, now: desk.now });
}

/** For whoever wants to read it; a join command asks for the very script that it names. */
async function newestInstaller(store: ArtifactStore): Promise<Buffer> {
  const { manifest } = await store.manifest();
  const [newest] = manifest.installers ?? [];
  const script = newest && (await readInstaller(store.directory, manifest, installerName(newest.sha256)));
  if (script) return script;
  throw new Fault('INSTALLER_UNKNOWN', { detail: 'the store has none that its manifest lists' });
}
