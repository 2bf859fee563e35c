// Fetching, verifying and unpacking artifacts.
import type { CatalogueEntry } from './entry.ts';

export const artifactFaults = {
  ARTIFACT_HASH_WRONG: {
    exitCode: 1,
    en: {
      message: 'The artifact {name} is not what it should be: sha256 {actual}, expected {expected}.',
      remedy:
        'Nothing of it was installed. Repair the artifact store (or the mirror) and run the command again.',
    },
    zh: {
      message: '制品 {name} 校验失败：sha256 为 {actual}，应为 {expected}。',
      remedy: '未安装其中任何内容。请修复制品库（或镜像站）后重试。',
    },
  },
  ARTIFACT_MISSING: {
    exitCode: 1,
    en: {
      message: 'The gateway has no artifact {name} {version} for {architecture}.',
      remedy: 'Add it to the artifact store of the gateway, or set another version in the pool.',
    },
    zh: {
      message: '网关没有制品 {name} {version}（{architecture}）。',
      remedy: '请把它加入网关的制品库，或在节点池里改用其他版本。',
    },
  },
  DESIRED_STATE_TOO_LARGE: {
    exitCode: 1,
    en: {
      message: 'What pool {pool} asks of a host is {bytes} bytes long; a host takes at most {limit} at once.',
      remedy:
        'Hosts keep what they have. Take out what is not needed: most of it are CAs of registries (one bundle for all of them), mirrors, labels.',
    },
    zh: {
      message: '节点池 {pool} 对主机的要求共 {bytes} 字节；主机一次最多接受 {limit} 字节。',
      remedy: '主机保持现有状态。请删去不需要的内容：通常是镜像仓库的 CA（可共用一份）、镜像站、标签。',
    },
  },
  URL_CREDENTIAL: {
    exitCode: 2,
    en: {
      message: 'The URL of {place} holds a user or a password.',
      remedy:
        'Give it without: regnode shows no credential to mirrors, and every user of the host could read this one. Let the mirror admit hosts by their addresses; archives are believed by their hash alone.',
    },
    zh: {
      message: '{place} 的 URL 中含有用户名或密码。',
      remedy:
        '请去掉：regnode 不向镜像站出示任何凭据，而主机上的任何用户都能读到它。请让镜像站按主机地址放行；制品只凭哈希校验。',
    },
  },
  VERSION_NOT_OFFERED: {
    exitCode: 2,
    en: {
      message: 'The artifact store of the gateway has no {name} {version}. It has: {versions}.',
      remedy:
        'Nothing was changed. Name one of these, add this one to the store ("regnode-gateway bundle build"), or unpin a component with "default".',
    },
    zh: {
      message: '网关的制品库中没有 {name} {version}，现有：{versions}。',
      remedy:
        '未做任何更改。请指定其中之一，或把该版本加入制品库（regnode-gateway bundle build），或用 “default” 取消固定组件版本。',
    },
  },
  MANIFEST_NOT_TRUSTED: {
    exitCode: 1,
    en: {
      message: 'The manifest of the artifacts is not signed by a key that this host trusts: {detail}.',
      remedy:
        'Nothing was fetched or run. Sign the artifact store with its key ("regnode-gateway bundle sign"); if it is signed, somebody has changed it.',
    },
    zh: {
      message: '制品清单未由此主机信任的密钥签名：{detail}。',
      remedy:
        '未下载或运行任何内容。请用其密钥签名制品库（regnode-gateway bundle sign）；若已签名，则清单被人篡改。',
    },
  },
  MANIFEST_EXPIRED: {
    exitCode: 1,
    en: {
      message: 'The manifest of the artifacts expired at {expiresAt}; the clock here says {now}.',
      remedy:
        'Sign the artifact store again ("regnode-gateway bundle sign"), or set the clock of the host if it is wrong.',
    },
    zh: {
      message: '制品清单已于 {expiresAt} 过期；本机时间为 {now}。',
      remedy: '请重新签名制品库（regnode-gateway bundle sign）；若本机时钟有误，请校准时钟。',
    },
  },
  MANIFEST_ROLLED_BACK: {
    exitCode: 1,
    en: {
      message:
        'The manifest of the artifacts has the serial {serial}, but this host has seen {seen} already.',
      remedy:
        'Somebody offers an old state again. Serve the newest artifact store, or sign the old one anew: that gives it a higher serial.',
    },
    zh: {
      message: '制品清单的序号为 {serial}，而此主机已见过 {seen}。',
      remedy: '有人在提供旧的制品库。请提供最新的制品库；若确需旧版本，请重新签名以获得更高的序号。',
    },
  },
  MANIFEST_TOO_OLD: {
    exitCode: 1,
    en: {
      message:
        'The manifest of the artifacts has the serial {serial}, older than {named}, which the join command names.',
      remedy:
        'Nothing was installed. Serve the newest artifact store, or export the tar again; if going back was meant, make a new command: regnodectl token create',
    },
    zh: {
      message: '制品清单的序号为 {serial}，早于加入命令指定的 {named}。',
      remedy:
        '未安装任何内容。请提供最新的制品库，或重新导出 tar；若确需回退，请重新生成命令：regnodectl token create',
    },
  },
  MANIFEST_INVALID: {
    exitCode: 1,
    en: {
      message: 'The manifest of the artifacts is signed, but cannot be used: {detail}.',
      remedy: 'Use a gateway, an agent and a "regnode-gateway bundle" of the same release.',
    },
    zh: {
      message: '制品清单已签名但无法使用：{detail}。',
      remedy: '请使用同一版本的网关、agent 与 regnode-gateway bundle。',
    },
  },
  ARTIFACT_NOT_SIGNED: {
    exitCode: 1,
    en: {
      message:
        'The gateway asks for {name} {version} ({architecture}) in a form that the signed manifest {serial} does not name.',
      remedy: 'Nothing of it was fetched. Look at who has changed the gateway or its artifact store.',
    },
    zh: {
      message: '网关要求的 {name} {version}（{architecture}）与已签名的清单 {serial} 不符。',
      remedy: '未下载其中任何内容。请检查是谁改动了网关或其制品库。',
    },
  },
  ARTIFACT_KEY_INVALID: {
    exitCode: 2,
    en: {
      message: 'The artifact key cannot be used: {detail}.',
      remedy: 'Make one with "regnode-gateway bundle keygen".',
    },
    zh: { message: '制品密钥无法使用：{detail}。', remedy: '请用 regnode-gateway bundle keygen 生成密钥。' },
  },
  ARCHIVE_UNKNOWN: {
    exitCode: 1,
    en: {
      message: '{path} holds no container images.',
      remedy: 'Put archives made by "docker save" or "ctr images export" into the bundle.',
    },
    zh: {
      message: '{path} 中没有容器镜像。',
      remedy: '请在制品包中放入由 docker save 或 ctr images export 生成的归档。',
    },
  },
  ARTIFACT_DOWNLOAD_FAILED: {
    exitCode: 1,
    en: {
      message: 'The artifact {name} could not be downloaded: {detail}.',
      remedy: 'Check the private line and run the command again; it goes on where it stopped.',
    },
    zh: { message: '制品 {name} 下载失败：{detail}。', remedy: '请检查专线后重试，会从断点继续。' },
  },
} as const satisfies Record<string, CatalogueEntry>;
