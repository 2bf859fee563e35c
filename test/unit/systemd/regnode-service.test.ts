// The unit file: what systemd 219 to 257 make of it, and that nobody hardens it into uselessness.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const file = 'systemd/regnode.service';
const directives = readFileSync(file, 'utf8')
  .split('\n')
  .filter((line) => /^[A-Z]/.test(line))
  .map((line) => line.split(/=(.*)/s) as [string, string]);
const value = (name: string) => directives.find(([key]) => key === name)?.[1];

test('nothing gives the agent a mount namespace of its own', () => {
  // In one, the unmounts of a leave would not reach the host.
  const namespaced =
    /^(?:Protect(?:System|Home|KernelTunables|KernelModules|KernelLogs|ControlGroups|Proc)|Private(?:Tmp|Devices|Mounts|Users)|Read(?:Only|Write)(?:Paths|Directories)|Inaccessible(?:Paths|Directories)|TemporaryFileSystem|Bind(?:ReadOnly)?Paths|Root(?:Directory|Image)|DynamicUser|MountFlags)$/;
  expect(directives.filter(([key]) => namespaced.test(key))).toEqual([]);
});

test('nothing is needed that systemd 219 lacks', () => {
  const later =
    /^(?:StateDirectory|ConfigurationDirectory|CacheDirectory|LogsDirectory|LoadCredential|ExecCondition)$/;
  expect(directives.filter(([key]) => later.test(key))).toEqual([]);
});

test('of the calls about clocks only the one that also reads is let through, and nothing may set a clock', () => {
  const filters = directives.filter(([key]) => key === 'SystemCallFilter').map(([, names]) => names);
  // The order matters: a name behind a list of what is denied is taken off it. systemd 219 knows no
  // groups and takes it off nothing.
  expect(filters).toEqual([expect.stringMatching(/^~@clock /), 'adjtimex']);
  expect(value('CapabilityBoundingSet')).toMatch(/^~.*\bCAP_SYS_TIME\b/);
});

test('the agent has no capability that it never uses', () => {
  const taken = value('CapabilityBoundingSet') ?? '';
  expect(taken).toMatch(/^~/);
  for (const name of ['SYSLOG', 'SYS_BOOT', 'SYS_RAWIO', 'SYS_TIME', 'MKNOD', 'SETPCAP', 'SETFCAP'])
    expect(taken).toContain(`CAP_${name}`);
});

test('V8 may make code', () => {
  expect(value('MemoryDenyWriteExecute')).toBeUndefined();
});

test('starts again after anything but a wrong configuration, and not at all before a join', () => {
  expect(value('Type')).toBe('notify');
  // One process tells systemd anything, and that is the one that systemd has started.
  expect(value('NotifyAccess')).toBe('main');
  expect(value('Restart')).toBe('always');
  expect(value('RestartPreventExitStatus')).toBe('2');
  expect(value('ConditionPathExists')).toBe('/etc/regnode/agent.json');
  expect(Number(value('WatchdogSec'))).toBeGreaterThanOrEqual(30);
});

test.runIf(existsSync('/usr/bin/systemd-analyze'))('exposure is 6.4 at most (peers: 9.2 to 9.6)', () => {
  const args = ['security', '--offline=true', '--no-pager', '--threshold=64', file];
  const said = execFileSync('systemd-analyze', args, { encoding: 'utf8' });
  expect(said).toMatch(/Overall exposure level for regnode\.service: [0-6]\.\d/);
});
