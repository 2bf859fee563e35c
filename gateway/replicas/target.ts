// How a stream between replicas says what it is for: `NODE/TARGET`. A node's name has no slash. Pure.

export interface ForwardTarget {
  readonly node: string;
  /** As the agent knows it: `kubelet`, or what its allow-list names. */
  readonly target: string;
}

/** A question to the replica itself (questions.ts); with no slash it is no node's. */
export const questionTarget = 'replica';

export const formatForwardTarget = ({ node, target }: ForwardTarget): string => `${node}/${target}`;

export function parseForwardTarget(text: string): ForwardTarget | undefined {
  const at = text.indexOf('/');
  const [node, target] = [text.slice(0, at), text.slice(at + 1)];
  return at > 0 && target !== '' ? { node, target } : undefined;
}
