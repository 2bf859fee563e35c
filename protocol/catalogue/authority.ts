// What the gateway's replicas have to agree on: the CA that all hosts trust, and what join commands name.
import type { CatalogueEntry } from './entry.ts';

export const authorityFaults = {
  CA_ROTATION_UNDER_WAY: {
    exitCode: 4,
    en: {
      message: 'The CA was rotated already: the one before is trusted until {until}.',
      remedy: 'Wait until then.',
    },
    zh: { message: 'CA 已在轮换中：旧 CA 在 {until} 之前仍受信任。', remedy: '请等到该时间之后再轮换。' },
  },
  AUTHORITY_LOST: {
    exitCode: 5,
    en: {
      message:
        'The CA of the gateway (Secret {secret}) is gone, and {count} host(s) have joined with it: {names}. No other is made.',
      remedy:
        'Put it back: kubectl apply -f BACKUP-OF-THE-SECRET.yaml; the hosts are then back by themselves. When there is no copy: regnode-gateway setup --new-authority makes another CA, and each of these hosts must leave (regnode leave --force) and join again.',
    },
    zh: {
      message: '网关的 CA（Secret {secret}）已丢失，而已有 {count} 台主机凭它加入：{names}。不会另建 CA。',
      remedy:
        '请恢复该 Secret：kubectl apply -f 备份文件，主机会自行恢复连接。若无备份：regnode-gateway setup --new-authority 会另建 CA，这些主机都必须退出（regnode leave --force）并重新加入。',
    },
  },
  GATEWAY_DIFFERS: {
    exitCode: 5,
    en: {
      message:
        'The replica {replica} of the gateway runs with other settings than this one ({name}): {differences}. Join commands go on naming those of {replica}.',
      remedy:
        'Give all replicas the same --public-url and --artifact-key-sha256. When these are the new ones, stop or restart {replica} with them.',
    },
    zh: {
      message:
        '网关副本 {replica} 与本副本（{name}）的设置不同：{differences}。加入命令仍使用 {replica} 的设置。',
      remedy:
        '请让所有副本使用相同的 --public-url 与 --artifact-key-sha256。若本副本的是新设置，请以新设置重启或停止 {replica}。',
    },
  },
} as const satisfies Record<string, CatalogueEntry>;
