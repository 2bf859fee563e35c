// What knip takes for used. It runs twice in `npm run lint`. The first run looks at everything: an export
// that no other file imports loses the word, a file that nothing imports goes, and tests count as users. The
// second (--production) does not know the tests: product code that only a test needs is dead, unless its own
// file uses it too. So a pure function may be exported for its test, but must have a caller in the product.
import type { KnipConfig } from 'knip';

const forProduct = process.argv.includes('--production');

/** Started by the name of their file, as threads or processes of their own. */
const startedByName = [
  'agent/telemetry/worker.ts!',
  'scripts/sandbox/{balancer,take-down-own}.ts!',
  'scripts/bench/gateway/{far-end,fleet}.ts!',
  'scripts/bench/telemetry/{producer,receiver}.ts!',
  'scripts/bench/tunnel/role.ts!',
];

const testPrograms = [
  'test/**/*.test.ts',
  'test/e2e/{expired-certificate,mirror-server,mortal-agent,registry-server}.ts',
  'test/e2e/agents/*.ts',
  'test/e2e/peers/hostile-node.ts',
];

export default {
  entry: [
    'gateway/{main,regnodectl}.ts!',
    'scripts/{comments,build,kubernetes,reference,sandbox,suite}/main.ts!',
    'scripts/quickstart.ts!',
    'scripts/sandbox/terminal.ts!',
    ...startedByName,
    ...testPrograms,
    'scripts/bench/*.ts!',
    // The sandbox and the suite serve the tests: what they use of the product is used, they
    // themselves are no product.
    ...(forProduct ? ['scripts/**/*.ts!'] : []),
  ],
  project: ['{agent,gateway,protocol,scripts}/**/*.ts!', 'test/**/*.ts'],
  ignoreExportsUsedInFile: forProduct,
  // Programs of the machine, such as mount and openssl: scripts/suite/packages.ts knows them.
  exclude: ['binaries'],
  treatConfigHintsAsErrors: true,
} satisfies KnipConfig;
