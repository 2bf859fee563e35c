// Once a run: takes the seed, or makes one, says which it is, and gives it to all files.
import type { TestProject } from 'vitest/node';
import { seedOf, seedVariable } from '../../scripts/suite/seed.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    seed: number;
  }
}

let announced = false;

export default function setup(project: TestProject): void {
  const seed = seedOf(process.env[seedVariable]);
  // Two projects of one run share it.
  process.env[seedVariable] = String(seed);
  project.provide('seed', seed);
  if (!announced) process.stdout.write(`chance of this run: ${seedVariable}=${seed}\n`);
  announced = true;
}
