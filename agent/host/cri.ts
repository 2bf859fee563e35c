// Two questions to a container runtime, by gRPC over its unix socket: its version, and which pods run. Of the
// answers a few fields are wanted, so HTTP/2 from node and some dozens of lines stand for a gRPC library.
import { connect } from 'node:http2';
import { createConnection } from 'node:net';

/** Runtimes of Kubernetes 1.20 know only the older. */
const services = ['runtime.v1.RuntimeService', 'runtime.v1alpha2.RuntimeService'] as const;
const unimplemented = '12';
const limitBytes = 8 * 1024 * 1024;
const nothing = Buffer.alloc(0);
/** ListPodSandboxRequest: those whose state is SANDBOX_READY, which is 0. */
const readyPods = Buffer.from([0x0a, 0x02, 0x12, 0x00]);

export interface RuntimeVersion {
  readonly name: string;
  readonly version: string;
}

/** Throws when nobody answers, or what answers is no container runtime. */
export async function askRuntimeVersion(socket: string, timeoutMs: number): Promise<RuntimeVersion> {
  const fields = stringFields(await askRuntime(socket, 'Version', nothing, timeoutMs));
  return { name: fields.get(2) ?? '', version: fields.get(3) ?? '' };
}

/** Uids of the pods whose sandbox is ready. Throws as `askRuntimeVersion` does. */
export async function listRunningPods(socket: string, timeoutMs: number): Promise<readonly string[]> {
  const answer = await askRuntime(socket, 'ListPodSandbox', readyPods, timeoutMs);
  return podUids(answer);
}

async function askRuntime(
  socket: string,
  method: string,
  message: Buffer,
  timeoutMs: number,
): Promise<Buffer> {
  const signal = AbortSignal.timeout(timeoutMs);
  for (const service of services) {
    const answer = await ask(socket, `/${service}/${method}`, message, signal);
    if (answer.status === '0') return answer.message;
    if (answer.status !== unimplemented)
      throw new Error(`the runtime answered ${answer.status}: ${answer.said}`);
  }
  throw new Error('what answers at the socket serves no CRI (disabled_plugins?)');
}

function ask(
  socket: string,
  path: string,
  question: Buffer,
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
    const head = Buffer.alloc(5); // not compressed, so many bytes
    head.writeUInt32BE(question.length, 1);
    stream.end(Buffer.concat([head, question]));
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

/** Of a ListPodSandboxResponse: items (1) → metadata (2) → uid (2). */
export function podUids(message: Uint8Array): readonly string[] {
  return messagesOf(message, 1).flatMap((item) =>
    messagesOf(item, 2)
      .slice(0, 1)
      .flatMap((metadata) => messagesOf(metadata, 2))
      .map((uid) => Buffer.from(uid).toString('utf8')),
  );
}

/** The length-delimited fields of that number; what is cut off or unknown ends the reading. */
function messagesOf(message: Uint8Array, field: number): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; at < message.length && shift < 49; shift += 7) {
      const byte = message[at++] ?? 0;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    return Number.NaN;
  };
  while (at < message.length) {
    const key = varint();
    const wire = key % 8;
    if (wire === 0) varint();
    else if (wire === 1) at += 8;
    else if (wire === 5) at += 4;
    else if (wire === 2) {
      const length = varint();
      if (!(at + length <= message.length)) break;
      if (Math.floor(key / 8) === field) found.push(message.subarray(at, at + length));
      at += length;
    } else break;
  }
  return found;
}
