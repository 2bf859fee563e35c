// Fetching, verifying and unpacking artifacts.
import type { CatalogueEntry } from '../fault.ts';

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
