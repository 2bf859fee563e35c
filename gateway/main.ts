#!/usr/bin/env node
// regnode-gateway: the cloud side.
import { runProgram } from './cli/outcome.ts';
import { gatewayProgram } from './serve/program.ts';

await runProgram(gatewayProgram(), process.argv);
