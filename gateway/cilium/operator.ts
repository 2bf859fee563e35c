// The Deployment of Cilium's operator: it registers Cilium's own kinds, hands each node its piece
// of the pod addresses, and clears away what nodes left. One for the cluster, in the host's network
// of a registered node. Pure.
import { configurationFolder, operatorHealthPort } from './configuration.ts';
import type { DesiredCilium } from './desired.ts';
import { ciliumNamespace, operatorAccount, operatorLabels, operatorName, ownLabels } from './names.ts';
import { configurationMounts, configurationVolumes, environment, everywhere, onPools } from './pods.ts';

export function operatorDeployment({ operator }: DesiredCilium, configurationSha256: string) {
  const labels = { ...ownLabels, ...operatorLabels };
  return {
    metadata: { name: operatorName, namespace: ciliumNamespace, labels },
    spec: {
      replicas: 1,
      selector: { matchLabels: operatorLabels },
      // Two on one node would want the same port.
      strategy: { type: 'Recreate' },
      template: {
        metadata: { labels, annotations: { 'regnode.io/configuration': configurationSha256 } },
        spec: {
          hostNetwork: true,
          dnsPolicy: 'Default',
          priorityClassName: 'system-cluster-critical',
          serviceAccountName: operatorAccount,
          affinity: onPools(operator.nodesOf),
          tolerations: everywhere,
          containers: [
            {
              name: 'cilium-operator',
              image: operator.pool.operatorImage,
              imagePullPolicy: 'IfNotPresent',
              command: ['cilium-operator-generic'],
              args: [`--config-dir=${configurationFolder}`],
              env: environment,
              terminationMessagePolicy: 'FallbackToLogsOnError',
              livenessProbe: { ...health, initialDelaySeconds: 60, periodSeconds: 10, timeoutSeconds: 3 },
              readinessProbe: { ...health, periodSeconds: 5, timeoutSeconds: 3, failureThreshold: 5 },
              volumeMounts: configurationMounts,
            },
          ],
          volumes: configurationVolumes(operator.pool),
        },
      },
    },
  };
}

const health = {
  httpGet: { host: '127.0.0.1', port: operatorHealthPort, path: '/healthz', scheme: 'HTTP' },
};
