// Round trips, loss and clock from a series of small probes, by UDP where it passes and else by HTTPS; and
// whether the gateway can begin a conversation on the VXLAN port.
import { probeHeadBytes } from '../../protocol/line/probe.ts';
import type { Host } from '../host/host.ts';
import type { Conversation, ProbeTarget } from './conversation.ts';
import type { GatewayLine } from './gateway-line.ts';
import type { TimeSample } from './statistics.ts';

const inwardTries = 5;
const inwardPauseMs = 60;
/** After so many without an answer it is asked whether any will come. */
const silentAfter = 9;
/** Until the line is known, an answer gets this long. */
const longestRoundTripMs = 2000;

export interface Series {
  readonly sent: number;
  /** In the order in which they were sent; lost ones are not in it. */
  readonly samples: readonly TimeSample[];
}

/** `count` probes, one every `intervalMs`, none waiting for another. */
export async function udpSeries(
  host: Host,
  conversation: Conversation,
  count: number,
  intervalMs: number,
): Promise<Series> {
  const asked: Promise<TimeSample | undefined>[] = [];
  let answered = 0;
  for (let number = 0; number < count; number++) {
    const answer = conversation
      .ask('echo', probeHeadBytes, longestRoundTripMs)
      // What a packet filter of this host refuses to let out is lost like any other.
      .catch(() => undefined)
      .then((sample) => {
        answered += Number(sample !== undefined);
        return sample;
      });
    asked.push(answer);
    await host.clock.sleep(intervalMs);
    if (number !== silentAfter || answered > 0) continue;
    // Nothing at all by now: the rest would only take time.
    await Promise.race([...asked, host.clock.sleep(longestRoundTripMs)]);
    if (answered === 0) break;
  }
  const samples = (await Promise.all(asked)).filter((sample) => sample !== undefined);
  return { sent: asked.length, samples };
}

/** One after the other on one connection; the first opens it and is thrown away. */
export async function httpsSeries(line: GatewayLine, count: number): Promise<Series> {
  const samples: TimeSample[] = [];
  await line.time();
  for (let number = 0; number < count; number++) samples.push(await line.time());
  return { sent: count, samples };
}

export type Inward =
  | { readonly state: 'open' | 'blocked' }
  | { readonly state: 'unknown'; readonly reason: string };

/**
 * Asks the gateway to send to the VXLAN port of this host, where nobody may listen but us for that moment.
 */
export async function inward(
  host: Host,
  conversation: Conversation,
  target: ProbeTarget,
  port: number,
  roundTripMs: number,
): Promise<Inward> {
  let arrived = () => {};
  const arrival = new Promise<true>((resolve) => {
    arrived = () => resolve(true);
  });
  const opened = await host.network
    .openDatagrams({
      port,
      localAddress: target.source,
      onDatagram: ({ address }) => address === target.address && arrived(),
    })
    .catch((error: { code?: string }) => error.code ?? 'EUNKNOWN');
  if (typeof opened === 'string') {
    return {
      state: 'unknown',
      reason: opened === 'EADDRINUSE' ? `UDP ${port} is in use here (by VXLAN)` : opened,
    };
  }
  try {
    for (let tries = 0; tries < inwardTries; tries++) {
      await conversation.tell('inbound', probeHeadBytes).catch(() => undefined);
      const came = await Promise.race([arrival, host.clock.sleep(inwardPauseMs + roundTripMs * 2)]);
      if (came) return { state: 'open' };
    }
    return { state: 'blocked' };
  } finally {
    await opened.close();
  }
}
