// The join that a host's agent does, without a host: a key, a request, the gateway's answer.
import { createHash } from 'node:crypto';
import https from 'node:https';
import type { TunnelIdentity } from '../../../agent/tunnel/dial.ts';
import type { JoinResponse } from '../../../protocol/join.ts';
import { applicant } from '../../unit/gateway/applicant.ts';

export interface Way {
  readonly url: string;
  readonly token: string;
}

export async function joinAs(name: string, { url, token }: Way): Promise<TunnelIdentity> {
  const machineId = createHash('md5').update(name).digest('hex');
  const { keyPem, request } = await applicant(name, machineId);
  const { status, body } = await post(`${url}/v1/join`, request(token));
  if (status !== 200) throw new Error(`${name} may not join: ${status} ${body}`);
  const { certificatePem, caPem } = JSON.parse(body) as JoinResponse;
  return { certificatePem, keyPem, caPem };
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
