// POST /v1/join: reads and bounds the request, hands it to the join desk, and writes down how it ended:
// audit, counters, an Event. Who is refused again and again has to wait (join-patience.ts).
import { Fault } from '../../protocol/catalogue/fault.ts';
import { joinRequestSchema } from '../../protocol/messages/join.ts';
import { readFromPeer } from '../../protocol/messages/newer-peer.ts';
import type { Audit } from '../audit/audit.ts';
import type { Counters } from '../audit/counters.ts';
import { type JoinDesk, type Joined, join } from '../join/join.ts';
import { tokenId } from '../join/token.ts';
import { type RecordEvent, told } from '../kubernetes/event-recorder.ts';
import { answerJson, faultFor, readJson } from '../port/answer.ts';
import type { Exchange } from '../port/route.ts';
import { nodePools } from '../resources/node-pool.ts';
import { registeredNodes } from '../resources/registered-node.ts';
import type { Claim, JoinPatience } from './join-patience.ts';

export interface JoinRouteOptions {
  readonly desk: JoinDesk;
  readonly audit: Audit;
  readonly counters: Counters;
  readonly recordEvent: RecordEvent;
  readonly patience: JoinPatience;
}

/** What the audit says about who asked; never the token's secret. */
interface About {
  readonly address: string;
  readonly node?: string;
  readonly token?: string;
  readonly machineId?: string;
}

export function joinRoute(options: JoinRouteOptions): (exchange: Exchange) => Promise<void> {
  const { desk, patience } = options;
  return async ({ request, response, address }) => {
    const startedMs = desk.now();
    let about: About = { address };
    let claim: Claim = { address };
    try {
      const parsed = readFromPeer(joinRequestSchema, await readJson(request));
      if (!parsed.success) throw malformed(parsed.error.issues[0]);
      const { nodeName, facts, token } = parsed.data;
      about = {
        address,
        node: nodeName.slice(0, 80),
        token: tokenId(token) ?? '?',
        machineId: facts.machineId,
      };
      claim = { address, token, machineId: facts.machineId };
      const joined = await patience.judged(claim, () => join(desk, parsed.data, address));
      accepted(options, about, joined, desk.now() - startedMs);
      answerJson(response, 200, joined.answer);
    } catch (error) {
      const told = await patience.refusal(claim, error);
      await refused(options, about, claim, faultFor(told));
      throw told;
    }
  };
}

function accepted(
  { audit, counters, recordEvent }: JoinRouteOptions,
  about: About,
  { answer: { pool }, leftOut, yielding, readmitted }: Joined,
  ms: number,
): void {
  const addresses = {
    ...(leftOut.length > 0 && { leftOut }),
    ...(yielding.length > 0 && { takenFrom: yielding }),
  };
  audit.record({ event: 'join', outcome: 'accepted', pool, ...about, readmitted, ...addresses });
  counters.joins.inc({ outcome: 'accepted', code: '' });
  counters.joinSeconds.observe(ms / 1000);
  const name = about.node ?? '';
  const values = { name, pool, address: about.address };
  recordEvent(registeredNodes, { name }, { type: 'Normal', ...told('JOINED', values) });
}

async function refused(
  { audit, counters, recordEvent, patience }: JoinRouteOptions,
  about: About,
  claim: Claim,
  fault: Fault,
): Promise<void> {
  const { code } = fault;
  counters.joins.inc({ outcome: 'refused', code });
  // One who has to wait was written down before; more lines would only fill the disk.
  if (code === 'TOO_MANY_REQUESTS') return;
  const news = await patience.news(claim);
  if (!news) return;
  audit.record({ event: 'join', outcome: 'refused', code, ...about, ...news });
  const { pool } = fault.values;
  if (typeof pool !== 'string' || code === 'POOL_NOT_FOUND') return;
  const values = { name: about.node ?? '?', address: about.address, detail: fault.message };
  recordEvent(nodePools, { name: pool }, { type: 'Warning', ...told('JOIN_REFUSED', values) });
}

function malformed(issue: { path: readonly PropertyKey[]; message: string } | undefined): Fault {
  return new Fault('REQUEST_MALFORMED', { detail: `${issue?.path.join('.') || 'body'}: ${issue?.message}` });
}
