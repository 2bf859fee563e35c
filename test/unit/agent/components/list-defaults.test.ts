// Lists and maps in what we write, against what the programs have by themselves: naming one replaces the
// whole, so nothing of it may be missing. The tables were read in the sources and in what the programs print.
import { parse } from 'smol-toml';
import { describe, expect, test } from 'vitest';
import { containerdConfiguration } from '../../../../agent/components/containerd/configuration.ts';
import { kubeletConfiguration } from '../../../../agent/components/kubelet/configuration.ts';
import { evictionSignals } from '../../../../protocol/settings/host.ts';
import { desired, host } from './desired.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * Of k8s.io/kubernetes, pkg/kubelet/eviction/defaults_linux.go (before 1.27:
 * apis/config/v1beta1/defaults_linux.go) DefaultEvictionHard, and apis/config/v1beta1/defaults.go: all
 * that SetDefaults_KubeletConfiguration fills with a list or a map. Read at 1.20, 1.21, 1.23 to 1.36;
 * between them nothing changed.
 */
const early = {
  evictionHard: {
    'memory.available': '100Mi',
    'nodefs.available': '10%',
    'nodefs.inodesFree': '5%',
    'imagefs.available': '15%',
  },
  enforceNodeAllocatable: ['pods'],
};
const late = { ...early, evictionHard: { ...early.evictionHard, 'imagefs.inodesFree': '5%' } };
const minors = Array.from({ length: 36 - 18 + 1 }, (_, index) => 18 + index);
/** Of these the kubelet has nothing by itself. */
const emptyInKubelet = ['clusterDNS', 'kubeReserved', 'systemReserved', 'registerWithTaints'];

describe.each(minors)('kubelet 1.%i', (minor) => {
  const version = `1.${minor}.1`;
  const own: Fields = minor < 30 ? early : late;
  const written = kubeletConfiguration({ ...host }, desired, version) as Fields;

  test('every list and map that is written holds what the kubelet has by itself', () => {
    const values = Object.fromEntries(Object.keys(own).map((name) => [name, written[name]]));
    expect(values).toEqual(own);
  });

  test('there is no other one whose default nobody has looked up', () => {
    // Of structures each field has its own default.
    const structures = ['authentication', 'authorization'];
    const named = Object.keys(written).filter((name) => typeof written[name] === 'object');
    const known = [...Object.keys(own), ...emptyInKubelet, ...structures];
    expect(named.filter((name) => !known.includes(name))).toEqual([]);
  });

  test('a pool that sets one signal leaves the others as they are', () => {
    const kubelet = { ...desired.kubelet, evictionHard: { 'memory.available': '1Gi' } };
    const changed = kubeletConfiguration(host, { ...desired, kubelet }, version) as Fields;
    expect(changed.evictionHard).toEqual({ ...(own.evictionHard as object), 'memory.available': '1Gi' });
  });
});

test('every signal that a kubelet has a default for can be set by a pool', () => {
  expect([...evictionSignals].sort()).toEqual(Object.keys(late.evictionHard).sort());
});

/**
 * As `containerd config default` of 1.6.20, 1.7.24 and 2.1.9 prints them. `runtimes` is a map of structures:
 * of the one that we name, runc, containerd fills in what is not named.
 */
const ownOfContainerd: Readonly<Record<string, unknown>> = {
  imports: [],
  disabled_plugins: [],
  runtimes: ['runc'],
  pinned_images: ['sandbox'],
  options: { BinaryName: '', SystemdCgroup: false },
};

test.each(['1.6.20', '1.7.24', '2.1.9'])('containerd %s: lists and maps', (version) => {
  const settings = { version, sandboxImage: 'example.test/pause:3.9', runcPath: '/opt/runc' };
  const { main, dropIn } = containerdConfiguration(host, settings);
  const tables = ['grpc', 'plugins', 'containerd', 'registry', 'runc'];
  const found = new Set<string>();
  const look = (table: Fields) => {
    for (const [name, value] of Object.entries(table)) {
      if (typeof value !== 'object' || value === null) continue;
      const isTable = tables.includes(name) || name.startsWith('io.containerd.');
      if (!isTable) {
        const own = ownOfContainerd[name];
        expect(own, `${name}: its default has not been looked up`).toBeDefined();
        found.add(name);
        const keys = Array.isArray(own) ? own : Object.keys(own as object);
        if (!Array.isArray(value)) expect(Object.keys(value)).toEqual(keys);
      }
      if (!Array.isArray(value)) look(value as Fields);
    }
  };
  for (const text of [main, dropIn]) look(parse(text) as Fields);
  expect(found).toContain('runtimes');
});
