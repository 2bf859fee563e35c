// Whether the host that has a node's tunnel at another replica is there: asked of that replica
// when a host comes to this one, answered for the others by the session that is here. It answers
// within the time of one PING.
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { parseJson, peerDepthLimit } from '../../protocol/json.ts';
import { seenHostSchema } from '../../protocol/messages/machine.ts';
import { readFromPeer } from '../../protocol/messages/newer-peer.ts';
import type { Replicas } from '../replicas/replicas.ts';
import type { AskElsewhere, Claimant } from '../tunnel/inquiry.ts';
import type { Rivals } from '../tunnel/rivals.ts';

const claimantSchema = z.object({ node: z.string(), instance: z.string(), host: seenHostSchema });
const answerSchema = z.object({ holder: seenHostSchema.optional() });
const limits = { bytes: 4096, depth: peerDepthLimit };

/** The host waits for its HELLO no longer than 10 s. */
const patienceMs = 6_000;

export const holderPath = '/holder?';

export function askHolder(replicas: Pick<Replicas, 'holderOf' | 'ask'>, self: string): AskElsewhere {
  return (claimant) => {
    const holder = replicas.holderOf(claimant.node);
    if (holder === undefined || holder === self) return undefined;
    const question = Buffer.from(JSON.stringify(claimant)).toString('base64url');
    const answered = replicas.ask(holder, `${holderPath}${question}`).then((text) => {
      const answer = parseJson(Buffer.from(text), limits);
      const parsed = readFromPeer(answerSchema, answer.ok ? answer.value : undefined);
      return parsed.success ? parsed.data.holder : undefined;
    });
    return Promise.race([answered, sleep(patienceMs, undefined, { ref: false })]);
  };
}

/** For another replica. */
export async function answerHolder(rivals: Pick<Rivals, 'holderHere'>, path: string): Promise<string> {
  const question = parseJson(Buffer.from(path.slice(holderPath.length), 'base64url'), limits);
  const parsed = readFromPeer(claimantSchema, question.ok ? question.value : undefined);
  if (!parsed.success) throw new Fault('PATH_UNKNOWN', { method: 'GET', path: holderPath });
  const holder = await rivals.holderHere(parsed.data satisfies Claimant);
  return JSON.stringify({ holder });
}
