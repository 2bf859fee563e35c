// What the gateway says of this node, to this node.
import { Fault } from '../../../protocol/catalogue/fault.ts';
import { parseJson, peerDepthLimit } from '../../../protocol/json.ts';
import { type NodeStatusResponse, nodeStatusResponseSchema } from '../../../protocol/messages/join.ts';
import type { Host } from '../../host/host.ts';
import type { JoinedNode } from '../../state/joined-node.ts';

const timeoutMs = 4000;
const answerLimitBytes = 64 * 1024;

/** undefined without an identity; throws the Fault that the gateway answered with, or the system's error. */
export async function askGateway(host: Host, node: JoinedNode): Promise<NodeStatusResponse | undefined> {
  if (node.identity === undefined) return undefined;
  const { caPem, certificatePem, keyPem } = node.identity;
  const url = `${node.state.identity.gatewayUrl}/v1/node/status`;
  const answer = await host.network.get(url, { timeoutMs, caPem, certificatePem, keyPem });
  const body = parseJson(answer.body, { bytes: answerLimitBytes, depth: peerDepthLimit });
  if (!body.ok) throw new Fault('PEER_ANSWER_UNKNOWN', { code: `HTTP ${answer.status}: ${body.why}` });
  if (answer.status === 200) return nodeStatusResponseSchema.parse(body.value);
  throw Fault.inAnswer(body.value) ?? new Fault('PEER_ANSWER_UNKNOWN', { code: `HTTP ${answer.status}` });
}
