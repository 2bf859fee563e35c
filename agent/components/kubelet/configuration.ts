// The kubelet's configuration file by its version, 1.18 to 1.36. The kubelet does not start with a field that
// it does not know, so newer fields are written only for versions that have them. Settings that a host needs
// come from the compatibility table. Pure.
import { judge } from '../../../protocol/compatibility/judgement.ts';
import { isAtLeast } from '../../../protocol/compatibility/versions.ts';
import type { DesiredState } from '../../../protocol/messages/desired.ts';
import { defaultImageGarbageCollection } from '../../../protocol/settings/host.ts';
import { paths } from '../../config/paths.ts';
import type { NodeFacts } from '../component.ts';
import { runtimeEndpoint, volumePluginDir } from './flags.ts';
import { enforcedByDefault, evictionDefaultsOf } from './list-defaults.ts';
import { kubeReserved, systemReserved } from './reserved.ts';

export function kubeletConfiguration(facts: NodeFacts, desired: DesiredState, version: string): object {
  const since = (wanted: string, fields: object) => (isAtLeast(version, wanted) ? fields : {});
  const { kubelet, kubeletAccess, taints } = desired;
  const collection = kubelet.imageGarbageCollection ?? defaultImageGarbageCollection;
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    // Its agent dials it there. The line has no business with it: a token that one kubelet was
    // shown would be good for all.
    ...(kubeletAccess === 'tunnel' ? { address: '127.0.0.1' } : {}),
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true, cacheTTL: '2m0s' },
      x509: { clientCAFile: paths.clusterAuthority },
    },
    authorization: { mode: 'Webhook' },
    rotateCertificates: true,
    serverTLSBootstrap: true,
    cgroupDriver: facts.cgroupDriver,
    resolvConf: facts.resolvConf,
    clusterDomain: kubelet.clusterDomain,
    clusterDNS: kubelet.clusterDns,
    maxPods: kubelet.maxPods,
    // How soon a change of the node is noticed (10 s by default, half of the time to
    // Ready), not how often it is told.
    nodeStatusUpdateFrequency: '4s',
    nodeStatusReportFrequency: '5m0s',
    // It only looks; the steps of system/ set them, so that a leave can put them back.
    protectKernelDefaults: true,
    kubeReserved: kubeReserved(facts, kubelet),
    systemReserved: systemReserved(facts),
    enforceNodeAllocatable: enforcedByDefault,
    evictionHard: { ...evictionDefaultsOf(version), ...kubelet.evictionHard },
    imageGCHighThresholdPercent: collection.highThresholdPercent,
    imageGCLowThresholdPercent: collection.lowThresholdPercent,
    ...since('1.20', { volumePluginDir }),
    ...(taints.length > 0 ? since('1.23', { registerWithTaints: taints }) : {}),
    ...since('1.27', { containerRuntimeEndpoint: runtimeEndpoint }),
    ...judge('kubelet', version, { host: facts }).settings,
  };
}
