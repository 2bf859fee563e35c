#!/usr/bin/env node
// regnodectl: pools, join tokens and nodes, for operators. It talks to Kubernetes alone, with the operator's
// own kubeconfig and rights; the gateway acts on what it writes.
import { runProgram } from './cli/outcome.ts';
import { regnodectlProgram } from './cli/regnodectl-program.ts';

await runProgram(regnodectlProgram(), process.argv);
