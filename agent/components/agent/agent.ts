// The agent's own part: its configuration, and regnode.service running now and at every boot. Its unit file
// and program come with the package (install.sh or RPM), so they are neither written nor undone here.

import { encodeConfiguration } from '../../config/configuration.ts';
import { paths } from '../../config/paths.ts';
import type { Component } from '../component.ts';
import { startedAtBoot } from '../trees.ts';
import { guardResources } from './guard.ts';

export const agentComponent: Component = {
  name: 'agent',
  plan(facts, { identity }) {
    const { gatewayUrl, nodeName, pool } = identity;
    return [
      {
        kind: 'file',
        path: paths.configuration,
        mode: 0o600,
        content: encodeConfiguration({ gatewayUrl, nodeName, pool }),
      },
      ...(facts.agentUnit === undefined ? [] : startedAtBoot('regnode.service', facts.agentUnit)),
      ...(facts.agentTrialSeconds === undefined ? [] : guardResources(facts.agentTrialSeconds)),
      { kind: 'unit', name: 'regnode.service' },
    ];
  },
};
