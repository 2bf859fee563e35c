// Writes answers: JSON, text, and faults as `{"error":{"code","values"}}`. An error that is no Fault is
// logged with everything and told to the peer as nothing but its kind.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { parseJson, peerDepthLimit } from '../../protocol/json.ts';
import { KubernetesFailure } from '../kubernetes/kubernetes.ts';
import { httpStatus } from './http-status.ts';
import { limits } from './limits.ts';

export function answerJson(response: ServerResponse, status: number, value: unknown): void {
  const body = Buffer.from(`${JSON.stringify(value)}\n`);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': body.length,
    'cache-control': 'no-store',
  });
  response.end(body);
}

export function answerText(response: ServerResponse, type: string, body: string | Buffer): void {
  response.writeHead(200, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

/** What the peer is told of any error. */
export function faultFor(error: unknown): Fault {
  if (error instanceof Fault) return error;
  if (error instanceof KubernetesFailure) {
    const lacking = lackingRight(error);
    if (lacking !== undefined)
      return new Fault('GATEWAY_NOT_PERMITTED', { right: lacking }, { cause: error });
    return new Fault(
      'GATEWAY_UNAVAILABLE',
      { detail: `Kubernetes answered ${error.reason}` },
      { cause: error },
    );
  }
  return new Fault('GATEWAY_UNAVAILABLE', { detail: 'an internal error, see its log' }, { cause: error });
}

/**
 * `list services`: in the words of RBAC. undefined: refused by something else, such as a quota or a webhook,
 * which `setup` does not mend.
 */
function lackingRight({ reason, message }: KubernetesFailure): string | undefined {
  if (reason !== 'Forbidden') return undefined;
  const place =
    / cannot (\w+) resource "([\w/.-]+)" in API group "([\w.-]*)"(?: in the namespace "([\w.-]+)")?/;
  const [, verb, resource, group, namespace] = place.exec(message) ?? [];
  if (verb === undefined) return undefined;
  const what = `${verb} ${resource}${group ? `.${group}` : ''}`;
  return namespace === undefined ? what : `${what} in ${namespace}`;
}

export function answerFault(response: ServerResponse, fault: Fault): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (fault.code === 'TOO_MANY_REQUESTS') response.setHeader('retry-after', fault.values.seconds ?? 1);
  answerJson(response, httpStatus(fault.code), { error: fault.toWire() });
}

/** The body as JSON; REQUEST_TOO_LARGE and REQUEST_MALFORMED when it is not. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limits.bodyBytes) throw new Fault('REQUEST_TOO_LARGE', { limitBytes: limits.bodyBytes });
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    // Theirs, not ours: it counts like any other request that is none.
    throw new Fault('REQUEST_MALFORMED', { detail: 'body: it broke off' }, { cause });
  }
  const { bodyBytes: bytes, bodyItems: items } = limits;
  const parsed = parseJson(Buffer.concat(chunks), { bytes, depth: peerDepthLimit, items });
  if (parsed.ok) return parsed.value;
  throw new Fault('REQUEST_MALFORMED', { detail: `body: ${parsed.why}` });
}
