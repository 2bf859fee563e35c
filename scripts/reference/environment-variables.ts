// Every environment variable that something of this project reads: the one list. A test
// searches the sources for others.

export interface Variable {
  readonly name: string;
  readonly readBy: readonly string[];
  readonly meaning: string;
  readonly standard?: string;
}

const locale = ['regnode', 'regnode-gateway', 'regnodectl', 'install.sh'];
const agentFile = 'regnode (/etc/regnode/environment)';

/** Of who installs and runs it. */
export const variables: readonly Variable[] = [
  {
    name: 'REGNODE_LANG',
    readBy: locale,
    meaning: 'Language of messages: `en`, `zh`, or a locale.',
    standard: 'the next ones',
  },
  {
    name: 'REGNODE_LANGUAGE',
    readBy: ['regnode', 'install.sh'],
    meaning: 'The same, as install.sh hands it on.',
  },
  { name: 'LC_ALL', readBy: locale, meaning: 'Locale, when none above is set.' },
  { name: 'LC_MESSAGES', readBy: locale, meaning: 'Locale, when none above is set.' },
  { name: 'LANG', readBy: locale, meaning: 'Locale, when none above is set.', standard: 'English' },
  { name: 'NO_COLOR', readBy: ['regnode'], meaning: 'Any text: no colours.' },
  {
    name: 'HTTPS_PROXY',
    readBy: [agentFile, 'install.sh (by curl)'],
    meaning: 'HTTP proxy on the way to the gateway; in small letters it comes first.',
    standard: 'none',
  },
  {
    name: 'HTTP_PROXY',
    readBy: [agentFile],
    meaning: 'The same for http URLs, such as mirrors.',
    standard: 'none',
  },
  {
    name: 'NO_PROXY',
    readBy: [agentFile, 'install.sh (by curl)'],
    meaning: 'Names, domains, addresses and ranges that are reached without a proxy; `*`: all.',
    standard: 'none',
  },
  {
    name: 'REGNODE_SPOOL_CAP_BYTES',
    readBy: [agentFile],
    meaning: 'Disk that telemetry may take while the gateway is away; at least 1048576.',
    standard: '268435456',
  },
  {
    name: 'REGNODE_SPOOL_FREE_FLOOR_BYTES',
    readBy: [agentFile],
    meaning: 'What the file system keeps free of it.',
    standard: '1073741824',
  },
  {
    name: 'REGNODE_RING_BYTES',
    readBy: [agentFile],
    meaning: 'Memory for telemetry on its way; a power of two from 65536 to 1073741824.',
    standard: '1048576',
  },
  {
    name: 'REGNODE_TOKEN',
    readBy: ['regnode join', 'install.sh'],
    meaning: 'The join token. Taken out of the environment before anything else runs.',
    standard: '--token-file',
  },
  {
    name: 'NOTIFY_SOCKET',
    readBy: ['regnode run'],
    meaning: 'Set by systemd: where `READY=1` and signs of life go.',
  },
  {
    name: 'WATCHDOG_USEC',
    readBy: ['regnode run'],
    meaning: 'Set by systemd: how often it wants a sign of life, in µs.',
  },
  {
    name: 'PATH',
    readBy: ['regnode', 'scripts'],
    meaning: 'Where programs of the host are found.',
    standard: '/usr/sbin:/usr/bin:/sbin:/bin',
  },
  {
    name: 'KUBECONFIG',
    readBy: ['regnode-gateway', 'regnodectl'],
    meaning: 'The kubeconfig, when `--kubeconfig` is not given.',
    standard: "the pod's service account, ~/.kube/config",
  },
  {
    name: 'REGNODE_GATEWAY_OPTIONS',
    readBy: ['regnode-gateway.service (/etc/regnode/gateway.env)'],
    meaning: 'Flags of `regnode-gateway serve`.',
  },
  {
    name: 'REGNODE_STAMP',
    readBy: ['systemd units on hosts'],
    meaning: 'Written by regnode: of which files the running process was started. Nobody sets it.',
  },
];

const installer = (name: string, meaning: string, standard?: string): Variable => ({
  ...{ name, readBy: ['install.sh'], meaning },
  ...(standard === undefined ? {} : { standard }),
});

/** Each is a flag of install.sh as well. */
export const installerVariables: readonly Variable[] = [
  installer('REGNODE_GATEWAY', '`--gateway`: URL of the gateway.'),
  installer('REGNODE_CA_FILE', '`--ca-file`: its CA, PEM.'),
  installer('REGNODE_CA_SHA256', '`--ca-sha256`: or the hash of that file, as `/cacert` gives it.'),
  installer('REGNODE_ARTIFACT_KEY_SHA256', '`--artifact-key-sha256`: of the key that signs the artifacts.'),
  installer('REGNODE_MANIFEST_SERIAL', '`--manifest-serial`: an older manifest is refused.'),
  installer('REGNODE_TOKEN_FILE', '`--token-file`: file with the join token.'),
  installer('REGNODE_NAME', "`--name`: the node's name.", "the host's"),
  installer('REGNODE_ARTIFACT_DIR', '`--artifact-dir`: a store on this host.'),
  installer(
    'REGNODE_MIRROR',
    '`--mirror`: mirrors of the archives, separated by commas; `cn` is the next one.',
  ),
  installer('REGNODE_MIRROR_CN', 'URL of the mirror that `cn` means.'),
  installer('REGNODE_RATE_LIMIT', '`--rate-limit`: bytes per second, `500K`, `10M`.', 'none'),
  installer('REGNODE_DRY_RUN', '`1` is `--dry-run`: show what a join would change.'),
  installer('REGNODE_NO_JOIN', '`1` is `--no-join`: install only.'),
  installer('REGNODE_RETRY_SECONDS', '`--retry-seconds`: pause before a download is tried again.', '1'),
  installer('REGNODE_ROOT', '`--root`: install below this folder, for making images.', '/'),
  installer('TMPDIR', 'Where it unpacks, when /run cannot be written.', '/tmp'),
];

const development = (name: string, readBy: string, meaning: string, standard?: string): Variable => ({
  ...{ name, readBy: [readBy], meaning },
  ...(standard === undefined ? {} : { standard }),
});

/** Of who works on it. */
export const developmentVariables: readonly Variable[] = [
  development('REGNODE_CACHE', 'scripts', 'What is built or fetched once.', '~/.cache/regnode'),
  development('REGNODE_KUBERNETES_VERSION', 'scripts', 'Version of Kubernetes that sandboxes run.'),
  development('REGNODE_KUBERNETES_BIN', 'scripts', 'Folder with its programs, instead of building them.'),
  development(
    'REGNODE_LATER_KUBELET',
    'scripts',
    'A kubelet of a later version (the program), for upgrades.',
  ),
  development('REGNODE_LATER_CONTAINERD', 'scripts', 'A folder with a later containerd, for upgrades.'),
  development('REGNODE_CONTAINERD_BIN', 'scripts', 'Folder with containerd and runc.', '/usr/bin'),
  development('REGNODE_ETCD_BIN', 'scripts', 'Folder with etcd.', '/usr/bin'),
  development(
    'REGNODE_SANDBOX_DATA',
    'scripts',
    'Where the disks of sandbox hosts are.',
    '/var/lib/regnode-sandbox',
  ),
  development('REGNODE_SEED', 'tests', 'Seed of everything random; a run prints its own.', 'random'),
  development(
    'REGNODE_FULL',
    'e2e/crash',
    '`1`: every entry of the journal; `./scripts/test --full` sets it.',
  ),
  development('REGNODE_FROM', 'e2e/crash', 'The cycle to go on with; `--from` sets it.', '1'),
  development('REGNODE_CRASH_PART', 'e2e/crash', 'Which tenth of the cycles is run.', 'by the day'),
  development('REGNODE_DISK', 'property tests', '`all`: every fault of a disk at every effect.'),
  development('REGNODE_CILIUM_IMAGES', 'e2e/cilium', 'A store with the images of a real Cilium.'),
  development('REGNODE_CILIUM_VERSION', 'e2e/cilium', 'The version of those images.', '1.17.9'),
  development('REGNODE_SETUP_SECONDS', 'scripts/suite', 'Set by scripts/test: how long the setup took.'),
  development('REGNODE_SUITE_LEDGER', 'tests', 'Set by the suite: where files say how long they took.'),
  development(
    'CI',
    'scripts, tests',
    '`true`: nothing is left out because the machine lacks it; more patience.',
  ),
  development('FORCE_COLOR', 'scripts/suite', 'Colours although stdout is no terminal.'),
];

export const allVariables = [...variables, ...installerVariables, ...developmentVariables];
