// What replicas ask each other beside streams to nodes: short HTTP questions, each in a stream of
// the link between them. Only GET, and only what the asked one answers by itself: it asks nobody
// else, so nothing can go in circles.
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { background, tellDefect } from '../../protocol/defect.ts';
import { parseJson, peerDepthLimit } from '../../protocol/json.ts';
import type { StreamTarget } from '../../protocol/messages/session.ts';
import { StreamDuplex } from '../../protocol/tunnel/duplex.ts';
import { openDuplex } from '../../protocol/tunnel/opening.ts';
import type { SessionStream, StreamEndpoint } from '../../protocol/tunnel/stream.ts';
import { questionLimits } from './limits.ts';
import { questionTarget } from './target.ts';

/** The body of an answer; a Fault is told to who asks. */
export type AnswerQuestion = (path: string) => Promise<string>;

/** Takes the streams that are questions. */
export function answerQuestions(answer: AnswerQuestion): (stream: SessionStream) => void {
  const server = http.createServer({ maxHeaderSize: questionLimits.headerBytes }, (request, response) => {
    background('question of a replica', answerOne(answer, request, response), (error) => {
      tellDefect('question of a replica', error);
      response.destroy();
    });
  });
  return (stream) => {
    const duplex = new StreamDuplex(
      () => {},
      () => duplex.destroy(),
    );
    duplex.on('error', () => {});
    stream.attach(duplex);
    stream.accept();
    server.emit('connection', duplex);
  };
}

async function answerOne(
  answer: AnswerQuestion,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = request.url ?? '/';
  try {
    if (request.method !== 'GET')
      throw new Fault('PATH_UNKNOWN', { method: request.method ?? '', path: path.slice(0, 120) });
    const body = await answer(path);
    response.writeHead(200, { connection: 'close' }).end(body);
  } catch (error) {
    if (response.headersSent) throw error;
    const detail = error instanceof Error ? error.message : String(error);
    const fault = error instanceof Fault ? error : new Fault('GATEWAY_UNAVAILABLE', { detail });
    response.writeHead(500, { connection: 'close' }).end(JSON.stringify({ error: fault.toWire() }));
  }
}

/** Asks another replica; throws the Fault that it answers, or REPLICA_UNREACHABLE. */
export async function askReplica(
  replica: string,
  open: (target: StreamTarget, endpoint: StreamEndpoint) => () => void,
  path: string,
): Promise<string> {
  const signal = AbortSignal.timeout(questionLimits.timeoutMs);
  let stream: Duplex | undefined;
  let body: string;
  try {
    stream = await openDuplex(open, { target: questionTarget, reason: `GET ${path}` }, signal);
    const answer = await get(stream, path, signal);
    body = await textOf(answer);
    if (answer.statusCode === 200) return body;
  } catch (error) {
    if (error instanceof Fault && error.code === 'REPLICA_UNREACHABLE') throw error;
    const detail = signal.aborted
      ? `no answer within ${questionLimits.timeoutMs} ms`
      : (error as Error).message;
    throw new Fault('REPLICA_UNREACHABLE', { replica, detail }, { cause: error });
  } finally {
    stream?.destroy();
  }
  throw faultIn(body, replica);
}

function get(stream: Duplex, path: string, signal: AbortSignal): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const headers = { host: 'replica', connection: 'close' };
  const request = http.get({ path, headers, signal, createConnection: () => stream });
  request.on('error', reject);
  request.once('response', resolve);
  return promise;
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > questionLimits.answerBytes) throw new Error(`more than ${questionLimits.answerBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function faultIn(body: string, replica: string): Fault {
  const parsed = parseJson(body, { bytes: questionLimits.answerBytes, depth: peerDepthLimit });
  const fault = parsed.ok ? Fault.inAnswer(parsed.value) : undefined;
  return fault ?? new Fault('REPLICA_UNREACHABLE', { replica, detail: 'it answered with something else' });
}
