// Questions to a container runtime, by gRPC over its unix socket: its version, which pods run, and
// where one is reached. Of the answers a few fields are wanted, so HTTP/2 from node and some dozens of
// lines stand for a gRPC library.
import { connect } from 'node:http2';
import { createConnection } from 'node:net';
import { bytesField, messagesOf, numberOf, stringFields, textsOf } from './protobuf.ts';

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

export interface PodNetwork {
  /** It has those of the host; then `addresses` is empty. */
  readonly isOfHost: boolean;
  readonly addresses: readonly string[];
  /** That its containers declare. */
  readonly ports: readonly number[];
}

/** Of the pod whose sandbox is ready; undefined: there is none. Throws as `askRuntimeVersion` does. */
export async function readPodNetwork(
  socket: string,
  uid: string,
  timeoutMs: number,
): Promise<PodNetwork | undefined> {
  const label = Buffer.concat([bytesField(1, podUidLabel), bytesField(2, uid)]);
  const filter = Buffer.concat([bytesField(2, nothing), bytesField(3, label)]);
  const listed = await askRuntime(socket, 'ListPodSandbox', bytesField(1, filter), timeoutMs);
  const [id] = messagesOf(listed, 1).flatMap((item) => textsOf(item, 1));
  if (id === undefined) return undefined;
  const [status, containers] = await Promise.all([
    askRuntime(socket, 'PodSandboxStatus', bytesField(1, id), timeoutMs),
    askRuntime(socket, 'ListContainers', bytesField(1, bytesField(3, id)), timeoutMs),
  ]);
  return { ...sandboxNetwork(status), ports: declaredPorts(containers) };
}

/** The kubelet's label of a sandbox, and its annotation of a container: a v1.ContainerPort list as JSON. */
const podUidLabel = 'io.kubernetes.pod.uid';
const portsAnnotation = 'io.kubernetes.container.ports';
/** NamespaceMode of cri-api. */
const ofNode = 2;

/**
 * Of a PodSandboxStatusResponse: status (1) → network (5) → ip (1), additional_ips (2) → ip (1), and
 * linux (6) → namespaces (1) → options (2) → network (1).
 */
export function sandboxNetwork(message: Uint8Array): Pick<PodNetwork, 'isOfHost' | 'addresses'> {
  const status = messagesOf(message, 1);
  const network = status.flatMap((one) => messagesOf(one, 5));
  const more = network.flatMap((one) => messagesOf(one, 2));
  const addresses = [...network, ...more].flatMap((one) => textsOf(one, 1)).filter((text) => text !== '');
  const options = status
    .flatMap((one) => messagesOf(one, 6))
    .flatMap((linux) => messagesOf(linux, 1))
    .flatMap((namespaces) => messagesOf(namespaces, 2));
  return { isOfHost: options.some((one) => numberOf(one, 1) === ofNode), addresses };
}

/** Of a ListContainersResponse: containers (1) → annotations (9) → key (1), value (2). */
export function declaredPorts(message: Uint8Array): readonly number[] {
  const annotations = messagesOf(message, 1).flatMap((container) => messagesOf(container, 9));
  return annotations.flatMap((entry) => {
    const [key, value] = [textsOf(entry, 1)[0], textsOf(entry, 2)[0]];
    return key === portsAnnotation && value !== undefined ? portsIn(value) : [];
  });
}

function portsIn(json: string): readonly number[] {
  let list: unknown;
  try {
    list = JSON.parse(json);
  } catch {
    return [];
  }
  if (!Array.isArray(list)) return [];
  return list.flatMap((one: { containerPort?: unknown } | null) =>
    typeof one?.containerPort === 'number' ? [one.containerPort] : [],
  );
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

/** Of a ListPodSandboxResponse: items (1) → metadata (2) → uid (2). */
export function podUids(message: Uint8Array): readonly string[] {
  return messagesOf(message, 1).flatMap((item) =>
    messagesOf(item, 2)
      .slice(0, 1)
      .flatMap((metadata) => textsOf(metadata, 2)),
  );
}
