// Secrets of many kinds, each in the form in which it gets into files and logs, and a Host in which whatever
// is read is full of them: every text and the output of every command.
import type { Host } from '../../../../agent/host/host.ts';

const body = 'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgVcB8Kq3Zr7wXyPlAnTeD';

/** Kind → the line that is planted, and the part of it that must never come out. */
export const planted: readonly (readonly [kind: string, line: string, secret: string])[] = [
  [
    'PEM private key',
    `-----BEGIN PRIVATE KEY-----\n${body}\nQWERTYplantedkey1\n-----END PRIVATE KEY-----`,
    body,
  ],
  [
    'EC private key with escaped line ends',
    `"-----BEGIN EC PRIVATE KEY-----\\nPlAnTeDeC2\\n-----END EC PRIVATE KEY-----"`,
    'PlAnTeDeC2',
  ],
  ['a line of a key whose frame is lost', `regnode[1]: ${body}`, body],
  [
    'kubeconfig with a key inside',
    `    client-key-data: LS0tLS1CRUdJTiBQbEFuVGVE`,
    'LS0tLS1CRUdJTiBQbEFuVGVE',
  ],
  [
    'join token',
    'joined with rt-plantd.abcdefghijklmnopqrstuvwxyz012345',
    'abcdefghijklmnopqrstuvwxyz012345',
  ],
  ['bootstrap token', 'kubelet uses pl4nt3.0123456789abcdef for now', '0123456789abcdef'],
  ['JWT', 'eyJhbGciOiJQbEFuVGVE.eyJzdWIiOiJQbEFuVGVE.c2lnUGxBblRlRA', 'eyJzdWIiOiJQbEFuVGVE'],
  ['bearer header', 'Authorization: Bearer pLaNtEdBeArEr7', 'pLaNtEdBeArEr7'],
  ['basic header', 'proxy said: Proxy-Authorization: Basic cGxhbnRlZDpQYXNz', 'cGxhbnRlZDpQYXNz'],
  ['password in a URL', 'https_proxy=http://operator:Pl4ntedPw@10.0.0.9:3128', 'Pl4ntedPw'],
  ['password assignment', 'DB_PASSWORD=planted-pw-11', 'planted-pw-11'],
  ['password in JSON', '{"password": "planted pw 12"}', 'planted pw 12'],
  ['argument', 'execve: mysql --password plantedarg13 -h db', 'plantedarg13'],
  ['AWS key', 'aws AKIAPLANTEDPLANTED14', 'AKIAPLANTEDPLANTED14'],
  ['Tencent Cloud key', 'SecretId AKIDplantedPlantedPlanted15planted', 'AKIDplantedPlantedPlanted15planted'],
  ['GitHub token', 'git: ghp_plantedplantedplantedplanted1616', 'ghp_plantedplantedplantedplanted1616'],
  ['GitLab token', 'runner glpat-planted_planted_17', 'glpat-planted_planted_17'],
  ['Slack token', 'hook xoxb-planted-18-planted', 'xoxb-planted-18-planted'],
  ['Google key', 'maps AIzaPlantedPlantedPlantedPlantedPlanted', 'AIzaPlantedPlantedPlantedPlantedPlanted'],
  ['npm token', 'npmrc npm_plantedplantedplantedplanted2020', 'npm_plantedplantedplantedplanted2020'],
  ['Stripe key', 'pay sk_live_plantedplanted2121', 'sk_live_plantedplanted2121'],
  ['age key', 'AGE-SECRET-KEY-1PLANTEDPLANTEDPLANTED22', 'AGE-SECRET-KEY-1PLANTEDPLANTEDPLANTED22'],
  ['shadow', 'root:$6$planted23$plantedplantedplanted:19000:0:99999', 'planted23$plantedplantedplanted'],
  ['cookie', 'Set-Cookie: session=planted24; HttpOnly', 'planted24'],
  ['registry credentials', '"auths":{"r.test":{"auth":"cGxhbnRlZDI1"}}', 'cGxhbnRlZDI1'],
  ['CIFS mount', '//nas/share /mnt cifs rw,username=u,password=planted26 0 0', 'planted26'],
];

export const plantedText = planted.map(([, line]) => line).join('\n');

/**
 * Adds what is planted to everything that is read; notes where. JSON that has to stay
 * whole is left to its maker.
 */
export function plantEverywhere(host: Host, isWhole: (path: string) => boolean) {
  const places = new Set<string>();
  const plant = (place: string, text: string) => {
    places.add(place);
    return `${text}\n${plantedText}\n`;
  };
  const poisoned: Host = {
    ...host,
    files: {
      ...host.files,
      async readText(path, limit) {
        const text = await host.files.readText(path, limit);
        return text === undefined || isWhole(path) ? text : plant(path, text);
      },
    },
    processes: {
      ...host.processes,
      async run(command, args, options) {
        const result = await host.processes.run(command, args, options);
        const stdout = plant([command, ...args].join(' '), result.stdout);
        return { ...result, exitCode: 0, outcome: 'exited', stdout, stderr: plantedText };
      },
    },
  };
  return { host: poisoned, places };
}
