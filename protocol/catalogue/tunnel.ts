// The tunnel: what ends a session or refuses a stream.
import type { CatalogueEntry } from '../fault.ts';

export const tunnelFaults = {
  TUNNEL_FRAME_INVALID: {
    exitCode: 1,
    en: {
      message: 'The peer broke the tunnel protocol: {detail}.',
      remedy: 'Use an agent and a gateway of the same release.',
    },
    zh: { message: '对端违反隧道协议：{detail}。', remedy: '请使用同一版本的 agent 与网关。' },
  },
} as const satisfies Record<string, CatalogueEntry>;
