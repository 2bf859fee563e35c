// What kubelet and containerd hold on this host, as their own folders show it, also while they don't answer:
// pods of the kubelet, and running tasks of containerd (each container, and one more for each pod's sandbox).
// Their CPU and memory: cgroups.ts.
import { type Collector, gauge, type RecordShape } from './collector.ts';

const podFolder = '/var/lib/kubelet/pods';
const taskFolder = '/run/containerd/io.containerd.runtime.v2.task/k8s.io';

const shape: RecordShape = {
  family: 'runtime',
  labelNames: [],
  columns: [gauge('regnode_node_kubelet_pods'), gauge('regnode_node_containerd_tasks')],
};

export const runtime: Collector = {
  name: 'runtime',
  shapes: [shape],
  collect({ procfs, sink }) {
    // A host before its join has neither.
    if (procfs.list('/var/lib/kubelet').length === 0) return;
    sink.put(shape, [], [procfs.list(podFolder).length, procfs.list(taskFolder).length]);
  },
};
