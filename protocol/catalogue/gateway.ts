// The cloud side: regnode-gateway and regnodectl.
import type { CatalogueEntry } from '../fault.ts';

export const gatewayFaults = {
  KUBERNETES_UNREACHABLE: {
    exitCode: 5,
    en: {
      message: 'The Kubernetes API server cannot be asked: {detail}.',
      remedy: 'Check --kubeconfig and the API server.',
    },
    zh: {
      message: '无法访问 Kubernetes API server：{detail}。',
      remedy: '请检查 --kubeconfig 与 API server。',
    },
  },
} as const satisfies Record<string, CatalogueEntry>;
