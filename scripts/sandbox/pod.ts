// A pod on a given host that prints a numbered line a second, or does what a script says, from the sandbox's
// own image: what quickstart shows and tests look at.
import { busyboxImage } from './images.ts';
import { kubectl } from './registration.ts';
import type { Sandbox } from './sandbox.ts';

const countingScript = 'n=0; while true; do n=$((n+1)); echo "line $n on $NODE_NAME"; sleep 1; done';

/** Creates the pod and waits until it is Ready. */
export async function runPod(
  sandbox: Sandbox,
  name: string,
  node: string,
  script = countingScript,
): Promise<void> {
  await kubectl(sandbox, ['apply', '-f', '-'], JSON.stringify(podManifest(name, node, script)));
  await kubectl(sandbox, ['wait', '--for=condition=Ready', `pod/${name}`, '--timeout=50s']);
}

function podManifest(name: string, node: string, script: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name } },
    spec: {
      nodeSelector: { 'kubernetes.io/hostname': node },
      tolerations: [{ operator: 'Exists' }],
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: 'main',
          image: busyboxImage,
          imagePullPolicy: 'Never',
          command: ['/bin/sh', '-c', script],
          env: [{ name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
        },
      ],
    },
  };
}
