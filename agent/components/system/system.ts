// What the kernel must have before containers run: modules, parameters, and both again after a reboot. The
// parameters are those that the kubelet and the CNI plugins would set by themselves: set by a step, they are
// in the journal and go back to what they were.
import { paths } from '../../config/paths.ts';
import type { Resource, SysctlResource } from '../../plan/resource.ts';
import type { Component } from '../component.ts';
import { configurationFile } from './configuration-file.ts';

export const kernelModules = ['overlay', 'br_netfilter'];

const parameters: readonly Omit<SysctlResource, 'kind'>[] = [
  { name: 'net.ipv4.ip_forward', value: '1' },
  { name: 'net.bridge.bridge-nf-call-iptables', value: '1' },
  { name: 'net.bridge.bridge-nf-call-ip6tables', value: '1' },
  // The kubelet's own (pkg/kubelet/cm, protectKernelDefaults).
  { name: 'vm.overcommit_memory', value: '1' },
  { name: 'vm.panic_on_oom', value: '0' },
  { name: 'kernel.panic', value: '10' },
  { name: 'kernel.panic_on_oops', value: '1' },
  { name: 'kernel.keys.root_maxkeys', value: '1000000' },
  { name: 'kernel.keys.root_maxbytes', value: '25000000' },
  { name: 'fs.inotify.max_user_instances', value: '1024', atLeast: true },
  { name: 'fs.inotify.max_user_watches', value: '524288', atLeast: true },
];

export const systemComponent: Component = {
  name: 'system',
  plan({ modulesToLoad }) {
    const modules = modulesToLoad.filter((name) => kernelModules.includes(name));
    return [
      { kind: 'pod-network' },
      ...(modules.length === 0 ? [] : [configurationFile(paths.modulesFile, modules)]),
      configurationFile(paths.sysctlFile, sysctlLines()),
      ...kernelModules.map((name): Resource => ({ kind: 'module', name })),
      ...parameters.map((parameter): Resource => ({ kind: 'sysctl', ...parameter })),
    ];
  },
};

// systemd-sysctl passes over what this kernel does not have. "At least" can't be said there.
function sysctlLines(): string[] {
  return parameters.filter(({ atLeast }) => !atLeast).map(({ name, value }) => `${name} = ${value}`);
}
