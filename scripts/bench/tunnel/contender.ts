// What every contender is: two local ports that lead to the two targets, over whatever it does in between.
import type { Usage } from './process.ts';

export interface Targets {
  readonly bulk: number;
  readonly echo: number;
}

export interface Contender {
  readonly name: string;
  readonly bulkPort: number;
  readonly echoPort: number;
  /** CPU and memory of the processes in between: the gateway's end, then the agent's. */
  usage(): Promise<[Usage, Usage]>;
  /** Bytes that both ends together copied in JavaScript while `work` ran; only for our own. */
  readonly copiedBytes?: (work: () => Promise<void>) => Promise<number>;
}
