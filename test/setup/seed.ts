// Before each unit and property test file: all of fast-check's chance comes from the run's seed.
// When a property fails, fast-check prints the seed and the path to its counterexample;
// test/README.md says what becomes of it.
import fc from 'fast-check';
import { inject } from 'vitest';

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: inject('seed') });
