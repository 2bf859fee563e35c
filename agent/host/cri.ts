// One question to a container runtime: its version, by gRPC over its unix socket. The message is empty and of
// the answer two strings are wanted, so HTTP/2 from node and thirty lines stand for a gRPC library.
import { connect } from 'node:http2';
import { createConnection } from 'node:net';

/** Runtimes of Kubernetes 1.20 know only the older. */
const services = ['runtime.v1.RuntimeService', 'runtime.v1alpha2.RuntimeService'] as const;
const unimplemented = '12';
const limitBytes = 64 * 1024;

export interface RuntimeVersion {
  readonly name: string;
  readonly version: string;
}

/** Throws when nobody answers, or what answers is no container runtime. */
export async function askRuntimeVersion(socket: string, timeoutMs: number): Promise<RuntimeVersion> {
  const signal = AbortSignal.timeout(timeoutMs);
  for (const service of services) {
    const answer = await ask(socket, `/${service}/Version`, signal);
    if (answer.status === '0') {
      const fields = stringFields(answer.message);
      return { name: fields.get(2) ?? '', version: fields.get(3) ?? '' };
    }
    if (answer.status !== unimplemented)
      throw new Error(`the runtime answered ${answer.status}: ${answer.said}`);
  }
  throw new Error('what answers at the socket serves no CRI (disabled_plugins?)');
}

function ask(
  socket: string,
  path: string,
  signal: AbortSignal,
): Promise<{ status: string; said: string; message: Buffer }> {
  return new Promise((resolve, reject) => {
    const session = connect('http://localhost', { createConnection: () => createConnection(socket) });
    const end = (outcome: () => void) => {
      signal.removeEventListener('abort', late);
      session.destroy();
      outcome();
    };
    const fail = (error: unknown) => end(() => reject(error));
    const late = () => fail(new Error('the runtime did not answer in time'));
    signal.addEventListener('abort', late, { once: true });
    session.on('error', fail);
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const chunks: Buffer[] = [];
    let size = 0;
    let status = '';
    let said = '';
    const read = (headers: Record<string, unknown>) => {
      status = String(headers['grpc-status'] ?? status);
      said = String(headers['grpc-message'] ?? said);
    };
    stream.on('response', read);
    stream.on('trailers', read);
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > limitBytes) fail(new Error('the runtime answered too much'));
      else chunks.push(chunk);
    });
    stream.on('error', fail);
    stream.on('end', () => end(() => resolve({ status, said, message: Buffer.concat(chunks).subarray(5) })));
    stream.end(Buffer.alloc(5)); // not compressed, no bytes
  });
}

/** Length-delimited fields of a protobuf message whose fields are all strings; ends at anything else. */
export function stringFields(message: Uint8Array): Map<number, string> {
  const fields = new Map<number, string>();
  let at = 0;
  while (at + 1 < message.length) {
    const key = message[at] ?? 0;
    const length = message[at + 1] ?? 0;
    if ((key & 7) !== 2 || length > 127 || at + 2 + length > message.length) break;
    fields.set(key >> 3, Buffer.from(message.subarray(at + 2, at + 2 + length)).toString('utf8'));
    at += 2 + length;
  }
  return fields;
}
