// Where a program touches the world, found by parsing every source: network, timers, environment and clocks.
// In the agent all of it is to come through agent/host/; in the gateway environment and clocks come from the
// composition, and the network from the folders that own a protocol. What does otherwise is listed by file
// with its reason; the list only becomes shorter. Decision 0014 says what is not worth moving, and why.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Node } from 'oxc-parser';
import { describe, expect, test } from 'vitest';
import { stringOf, visitSyntax } from '../syntax.ts';

const ways = ['network', 'timers', 'environment', 'clocks'] as const;
type Way = (typeof ways)[number];

const networkModules = /^(?:node:)?(?:net|tls|https?|http2|dgram|dns|dns\/promises)$|^ws$/;
const timerModules = /^(?:node:)?timers(?:\/promises)?$/;
const timerFunctions = new Set(['setTimeout', 'setInterval', 'setImmediate']);

/** `file` → what it does by itself; each with the reason, which may stand for several. */
const limit = 'a limit on one wait that the same function begins and ends; no test needs to turn it';
const socket = 'it owns one protocol on sockets of its own; its tests run it against real peers on loopback';
const thread = 'the collecting thread: a Host can not be handed to it';
const spool = 'the spool paces its own writes; its tests turn vitest’s clock';

const agentExceptions: Readonly<Record<string, Partial<Record<Way, string>>>> = {
  'agent/main.ts': { environment: 'takes the token of a join out, before a Host exists' },
  'agent/bugreport/bugreport.ts': { timers: limit },
  'agent/components/artifacts/mirror.ts': { network: socket, timers: limit },
  'agent/config/proxy.ts': { network: socket, timers: limit },
  'agent/doctor/values.ts': { timers: limit },
  'agent/identity/gateway-api.ts': { network: socket, timers: limit },
  'agent/identity/https-agent.ts': { network: socket },
  'agent/line/conversation.ts': { timers: limit },
  'agent/line/gateway-line.ts': { network: socket },
  'agent/line/path-mtu.ts': { network: 'asks only what form an address has' },
  'agent/preflight/runner.ts': { timers: limit },
  'agent/telemetry/heartbeat/services.ts': { network: socket },
  'agent/telemetry/now-and-then.ts': { timers: spool },
  'agent/telemetry/shipper/pause.ts': { timers: spool },
  'agent/telemetry/shipper/shipper.ts': { timers: spool },
  'agent/telemetry/spool/replay.ts': { timers: spool },
  'agent/telemetry/spool/spool.ts': { timers: spool },
  'agent/telemetry/telemetry.ts': { timers: thread },
  'agent/telemetry/worker.ts': { timers: thread },
  'agent/tunnel/addresses.ts': { network: socket },
  'agent/tunnel/api-server.ts': { network: socket },
  'agent/tunnel/dial.ts': { network: socket, timers: limit },
};

/** Of the gateway: the folders in which sockets are opened or listened on. */
const networkFolders =
  /^gateway\/(?:addresses|egress|kubelets|kubernetes|line|port|replicas|tunnel|serve|telemetry\/remote-write)\//;

/** Programs that run once in a terminal are their own composition. */
const command = 'a command that runs once, in a terminal';
const sockets = 'stamps what came over a socket at the moment it came; tested on real sockets';

const gatewayExceptions: Readonly<Record<string, Partial<Record<Way, string>>>> = {
  'gateway/artifacts/bundle.ts': { clocks: command },
  'gateway/artifacts/issue.ts': { clocks: command },
  'gateway/artifacts/verify.ts': { clocks: command },
  'gateway/cli/language.ts': { environment: command },
  'gateway/cli/output.ts': { clocks: command },
  'gateway/cli/expel-command.ts': { clocks: command },
  'gateway/cli/readmit-command.ts': { clocks: command },
  'gateway/cli/remove-command.ts': { clocks: command },
  'gateway/cli/retry-command.ts': { clocks: command },
  'gateway/cli/rollout-watch.ts': { clocks: command },
  'gateway/cli/token-commands.ts': { clocks: command },
  'gateway/join/authority.ts': {
    clocks: 'a default for commands; serve gives its own',
    network: 'asks only what form an address has',
  },
  'gateway/join/rotation.ts': { clocks: command },
  'gateway/join/token.ts': { clocks: command },
  'gateway/kubernetes/connect.ts': { environment: 'KUBECONFIG, as every client of Kubernetes reads it' },
  'gateway/kubernetes/client.ts': { clocks: sockets },
  'gateway/kubernetes/unread.ts': { clocks: sockets },
  'gateway/line/transfers.ts': { clocks: sockets },
  'gateway/nodes/node-drain.ts': { clocks: 'the deadline of one drain' },
  'gateway/port/connections.ts': { clocks: sockets },
  'gateway/port/requests.ts': { clocks: sockets },
  'gateway/replicas/door.ts': { clocks: sockets },
  'gateway/replicas/link.ts': { clocks: sockets },
  'gateway/resources/address.ts': { network: 'asks only what form an address has' },
  'gateway/serve/serve.ts': { clocks: 'the composition' },
  'gateway/setup/setup.ts': { clocks: command },
  'gateway/telemetry/intake.ts': { clocks: 'a default for tests; the age of a batch' },
  'gateway/telemetry/remote-write/destination.ts': { clocks: sockets },
  'gateway/telemetry/remote-write/remote-write.ts': { clocks: sockets },
  'gateway/telemetry/remote-write/sender.ts': { clocks: sockets },
};

interface Touch {
  readonly file: string;
  readonly way: Way;
}

const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
  encoding: 'utf8',
})
  .split('\0')
  .filter((file) => /^(?:agent|gateway)\/.*\.ts$/.test(file) && existsSync(file));

const touches = files.flatMap((file) => touchesOf(file).map((way): Touch => ({ file, way })));

test('every way to touch the world is seen, and what only looks like one is not', () => {
  const seen = (text: string) => touchesOf('agent/x.ts', text);
  expect(seen("import net, { type Socket } from 'node:net';")).toEqual(['network']);
  expect(seen("import { WebSocket } from 'ws';")).toEqual(['network']);
  expect(seen("const tls = await import('node:tls');")).toEqual(['network']);
  expect(seen('await fetch(url);')).toEqual(['network']);
  expect(seen("import type { Socket } from 'node:net';")).toEqual([]);
  expect(seen("import { type Socket, type Server } from 'node:net';")).toEqual([]);
  expect(seen("import { setTimeout as sleep } from 'node:timers/promises';")).toEqual(['timers']);
  expect(seen('setInterval(look, 10); globalThis.setTimeout(look, 1);')).toEqual(['timers']);
  expect(seen('new Rhythm(clock, setTimeout);')).toEqual(['timers']);
  expect(seen('socket.setTimeout(5); sink.setInterval(5);')).toEqual([]);
  expect(seen('class Sink { setInterval(ms: number) {} }')).toEqual([]);
  expect(seen('const { HOME } = process.env; Reflect.get(process, 1);')).toEqual(['environment']);
  expect(seen("import { env } from 'node:process';")).toEqual(['environment']);
  expect(seen('Date.now();')).toEqual(['clocks']);
  expect(seen('const now = Date.now;')).toEqual(['clocks']);
  expect(seen('new Date();')).toEqual(['clocks']);
  expect(seen('performance.now();')).toEqual(['clocks']);
  expect(seen('new Date(at).toISOString(); Date.parse(text); host.clock.now();')).toEqual([]);
});

describe('the agent', () => {
  const outside = touches.filter(({ file }) => file.startsWith('agent/') && !file.startsWith('agent/host/'));

  test.each(ways)('touches %s in agent/host/ only', (way) => {
    const found = outside.filter((touch) => touch.way === way && !agentExceptions[touch.file]?.[way]);
    expect(found.map(({ file }) => file)).toEqual([]);
  });

  test('exceptions that nobody needs any more are gone', () => {
    expect(unneeded(agentExceptions, outside)).toEqual([]);
  });

  test('has no clock of its own, without exception', () => {
    expect(Object.values(agentExceptions).filter(({ clocks }) => clocks !== undefined)).toEqual([]);
  });
});

describe('the gateway', () => {
  const outside = touches.filter(({ file }) => file.startsWith('gateway/'));

  test('opens sockets in the folders that own a protocol only', () => {
    const found = outside.filter(({ file, way }) => way === 'network' && !networkFolders.test(file));
    expect(found.filter(({ file }) => !gatewayExceptions[file]?.network)).toEqual([]);
  });

  test.each(['environment', 'clocks'] as const)('gets its %s from the composition', (way) => {
    const found = outside.filter((touch) => touch.way === way && !gatewayExceptions[touch.file]?.[way]);
    expect(found.map(({ file }) => file)).toEqual([]);
  });

  test('exceptions that nobody needs any more are gone', () => {
    expect(unneeded(gatewayExceptions, outside)).toEqual([]);
  });
});

function unneeded(
  exceptions: Readonly<Record<string, Partial<Record<Way, string>>>>,
  found: readonly Touch[],
): string[] {
  return Object.entries(exceptions).flatMap(([file, reasons]) =>
    ways
      .filter((way) => reasons[way] !== undefined)
      .filter((way) => !found.some((touch) => touch.file === file && touch.way === way))
      .map((way) => `${file} ${way}`),
  );
}

/** Each way once, in the order of `ways`. */
function touchesOf(file: string, text?: string): Way[] {
  const found = new Set<Way>();
  const names = new Set<Node>();
  visitSyntax(
    file,
    (node) => {
      // A name after a dot, of a method or a key, is no global's.
      if (node.type === 'MemberExpression' && !node.computed && !isGlobalThis(node.object))
        names.add(node.property);
      if (node.type === 'Property' || node.type === 'MethodDefinition' || node.type === 'PropertyDefinition')
        if (!node.computed) names.add(node.key);
      if (node.type === 'TSMethodSignature' || node.type === 'TSPropertySignature') names.add(node.key);
      if (node.type === 'ImportSpecifier') for (const name of [node.imported, node.local]) names.add(name);
      const way = wayOf(node, names);
      if (way !== undefined) found.add(way);
    },
    text,
  );
  return ways.filter((way) => found.has(way));
}

function wayOf(node: Node, names: ReadonlySet<Node>): Way | undefined {
  switch (node.type) {
    case 'ImportDeclaration': {
      const isType =
        node.importKind === 'type' ||
        (node.specifiers.length > 0 &&
          node.specifiers.every((one) => one.type === 'ImportSpecifier' && one.importKind === 'type'));
      return isType ? undefined : wayOfModule(node.source.value);
    }
    case 'ImportExpression':
      return wayOfModule(stringOf(node.source) ?? '');
    case 'Identifier':
      if (names.has(node)) return undefined;
      if (timerFunctions.has(node.name)) return 'timers';
      return node.name === 'fetch' || node.name === 'WebSocket' ? 'network' : undefined;
    case 'MemberExpression':
      if (isMember(node, 'process', 'env')) return 'environment';
      return isMember(node, 'Date', 'now') || isMember(node, 'performance', 'now') ? 'clocks' : undefined;
    case 'NewExpression':
      return node.callee.type === 'Identifier' && node.callee.name === 'Date' && node.arguments.length === 0
        ? 'clocks'
        : undefined;
    default:
      return undefined;
  }
}

function wayOfModule(name: string): Way | undefined {
  if (networkModules.test(name)) return 'network';
  if (timerModules.test(name)) return 'timers';
  if (/^(?:node:)?process$/.test(name)) return 'environment';
  return /^(?:node:)?perf_hooks$/.test(name) ? 'clocks' : undefined;
}

function isMember(node: Node, object: string, property: string): boolean {
  return (
    node.type === 'MemberExpression' &&
    node.object.type === 'Identifier' &&
    node.object.name === object &&
    node.property.type === 'Identifier' &&
    node.property.name === property
  );
}

function isGlobalThis(node: Node): boolean {
  return node.type === 'Identifier' && node.name === 'globalThis';
}
