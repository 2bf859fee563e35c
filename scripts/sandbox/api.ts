// Questions to the API server from this process, as the administrator, over one connection that is kept. For
// polling: kubectl is a program that takes a tenth of a second of a processor each time. The way into the
// cloud's namespace is a unix socket, of which a relay there makes connections.
import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import type { ControlPlaneFiles } from './control-plane.ts';
import { cloudAddress, cloudMember } from './line.ts';
import { startDaemon } from './namespaces.ts';
import { runFolder } from './registry.ts';

const port = 6443;
/** As long as kubectl is given. */
const answerTimeoutMs = 60_000;

export interface Answer {
  readonly status: number;
  readonly text: string;
}

const socketOf = (id: string) => join(runFolder(id), 'api.sock');

/** The cloud's end of the way. */
export async function startApiRelay(id: string, logFile: string): Promise<void> {
  const listen = `UNIX-LISTEN:${socketOf(id)},fork,mode=0600`;
  await startDaemon(id, cloudMember, 'socat', [listen, `TCP:${cloudAddress}:${port}`], { logFile });
}

export class KubernetesApi {
  readonly #id: string;
  readonly #files: ControlPlaneFiles;
  #agent: Promise<Agent> | undefined;

  constructor(id: string, files: ControlPlaneFiles) {
    this.#id = id;
    this.#files = files;
  }

  /** The object at this path of the API; undefined where there is none. */
  async find(path: string): Promise<unknown> {
    const { status, text } = await this.ask(path);
    if (status === 200) return JSON.parse(text);
    if (status === 404) return undefined;
    throw new Error(`GET ${path}: ${status} ${text.slice(0, 500)}`);
  }

  async ask(path: string): Promise<Answer> {
    this.#agent ??= this.#connect();
    const agent = await this.#agent;
    try {
      return await this.#ask(path, agent);
    } catch (error) {
      // A connection that was kept may have been closed at the other end meanwhile.
      if (!(error instanceof Error && 'code' in error && error.code === 'ECONNRESET')) throw error;
      return this.#ask(path, agent);
    }
  }

  #ask(path: string, agent: Agent): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const signal = AbortSignal.timeout(answerTimeoutMs);
    const options = { socketPath: socketOf(this.#id), host: cloudAddress, path, agent, signal };
    const asked = request(options, (response) => {
      response.setEncoding('utf8');
      response
        .toArray()
        .then(
          (pieces: string[]) => resolve({ status: response.statusCode ?? 0, text: pieces.join('') }),
          reject,
        );
    });
    asked.on('error', reject);
    asked.end();
    return promise;
  }

  close(): void {
    this.#agent?.then((agent) => agent.destroy()).catch(() => undefined);
  }

  async #connect(): Promise<Agent> {
    const pki = (name: string) => readFile(join(this.#files.pki, name));
    const [ca, cert, key] = await Promise.all([pki('ca.crt'), pki('admin.crt'), pki('admin.key')]);
    return new Agent({ keepAlive: true, maxSockets: 4, ca, cert, key });
  }
}
