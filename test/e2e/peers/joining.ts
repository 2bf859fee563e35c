// The join that a host's agent does, without a host: a key, a request, the gateway's answer.
import { createHash } from 'node:crypto';
import https from 'node:https';
import type { TunnelIdentity } from '../../../agent/tunnel/dial.ts';
import type { JoinResponse } from '../../../protocol/messages/join.ts';
import { applicant } from '../../unit/gateway/applicant.ts';

export interface Way {
  readonly url: string;
  readonly token: string;
}

/** What a host may say of itself, true or not. */
export interface Stated {
  readonly machineId?: string;
  readonly addresses?: readonly string[];
}

export interface JoinAttempt {
  readonly status: number;
  /** Of the refusal; empty when there was none. */
  readonly code: string;
  readonly detail: string;
  readonly identity?: TunnelIdentity;
  readonly bootstrapToken?: string;
}

export async function joinAs(name: string, way: Way): Promise<TunnelIdentity> {
  const { identity, status, code, detail } = await tryToJoin(name, way);
  if (!identity) throw new Error(`${name} may not join: ${status} ${code} ${detail}`);
  return identity;
}

/** With a key of its own each time. */
export async function tryToJoin(
  name: string,
  { url, token }: Way,
  stated: Stated = {},
): Promise<JoinAttempt> {
  const { machineId = createHash('md5').update(name).digest('hex') } = stated;
  const { keyPem, request } = await applicant(name, machineId);
  const { facts, ...rest } = request(token);
  const addresses = stated.addresses ? [...stated.addresses] : facts.addresses;
  const { status, body } = await post(`${url}/v1/join`, { ...rest, facts: { ...facts, addresses } });
  if (status !== 200) {
    const { error } = JSON.parse(body) as { error: { code: string; values?: { detail?: string } } };
    return { status, code: error.code, detail: error.values?.detail ?? '' };
  }
  const { certificatePem, caPem, bootstrap } = JSON.parse(body) as JoinResponse;
  const identity = { certificatePem, keyPem, caPem };
  return { status, code: '', detail: '', identity, bootstrapToken: bootstrap.token };
}

function post(url: string, value: unknown): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    // Whose gateway it is, is not what is tested here: the sandbox made it.
    const options = { method: 'POST', rejectUnauthorized: false, agent: false } as const;
    const asked = https.request(url, options, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    });
    asked.on('error', reject);
    asked.end(JSON.stringify(value));
  });
}
