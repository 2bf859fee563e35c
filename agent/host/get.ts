// One GET of a local or a cluster's endpoint, as somebody (a client certificate) or as nobody: status and
// body, bounded in time and size. It follows nothing, keeps no connection, and goes through no proxy.
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { background } from '../../protocol/defect.ts';
import type { Answering } from './answering.ts';
import type { GetAnswer, GetOptions } from './host.ts';

interface Answers {
  beforeDial(): Answering;
}

const defaultLimitBytes = 4 * 1024 * 1024;

/**
 * Throws the system's error when no whole answer came (code ECONNREFUSED, ETIMEDOUT,
 * CERT_HAS_EXPIRED, EMSGSIZE …).
 */
export async function get(url: string, options: GetOptions, answerers: Answers): Promise<GetAnswer> {
  const target = new URL(url);
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const signal = options.signal ? AbortSignal.any([timeout, options.signal]) : timeout;
  try {
    const response = await ask(target, options, signal, answerers);
    return { status: response.statusCode ?? 0, body: await read(response, options, signal) };
  } catch (error) {
    if (!timeout.aborted) throw error;
    throw coded('ETIMEDOUT', `no answer from ${target.host} within ${options.timeoutMs} ms`);
  }
}

function ask(
  target: URL,
  options: GetOptions,
  signal: AbortSignal,
  answerers: Answers,
): Promise<IncomingMessage> {
  const { caPem, certificatePem, keyPem, serverName } = options;
  const strangerAt = answerers.beforeDial();
  return new Promise((resolve, reject) => {
    const shared = { agent: false, signal, headers: { accept: 'application/json' } } as const;
    const request =
      target.protocol === 'http:'
        ? httpRequest(target, shared, resolve)
        : httpsRequest(
            target,
            {
              ...shared,
              ...(caPem !== undefined && { ca: caPem }),
              ...(certificatePem !== undefined && { cert: certificatePem, key: keyPem }),
              ...(serverName !== undefined && { servername: serverName }),
            },
            resolve,
          );
    request.on('error', reject);
    if (!options.rootOnly) request.end();
    else
      request.once('socket', (socket) =>
        socket.once('connect', () => {
          const known = strangerAt(socket).then((why) => {
            if (why === undefined) request.end();
            else request.destroy(coded('EACCES', why));
          });
          background('who answers on this host', known, reject);
        }),
      );
  });
}

async function read(response: IncomingMessage, options: GetOptions, signal: AbortSignal): Promise<string> {
  const limit = options.limitBytes ?? defaultLimitBytes;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    signal.throwIfAborted();
    size += chunk.length;
    if (size > limit) throw coded('EMSGSIZE', `an answer of more than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
