// What only install.sh and the pasted line before it say. They are shell and carry their own texts; here they
// are for `regnode explain`. A unit test keeps codes and exit codes the same.
import type { CatalogueEntry } from './entry.ts';

export const installerFaults = {
  INSTALLER_NOT_VERIFIED: {
    exitCode: 1,
    en: {
      message: '{url} did not send the install.sh that this command names.',
      remedy:
        'Nothing was run. Make a new command (regnodectl token create); if it stays, look at: curl -vk {url}/healthz',
    },
    zh: {
      message: '{url} 未给出此命令指定的 install.sh。',
      remedy:
        '未执行任何内容。请重新生成命令（regnodectl token create）；若仍出现，请查看：curl -vk {url}/healthz',
    },
  },
  PLATFORM_UNKNOWN: {
    exitCode: 1,
    en: {
      message: 'There is no regnode for {system} on {machine}.',
      remedy: 'Use a Linux host with an x86-64 or arm64 processor.',
    },
    zh: {
      message: '没有适用于 {system} {machine} 的 regnode。',
      remedy: '请使用 x86-64 或 arm64 的 Linux 主机。',
    },
  },
  TOOLS_MISSING: {
    exitCode: 1,
    en: {
      message: 'These programs are missing: {tools}.',
      remedy: 'Install them, for example: yum install {packages}',
    },
    zh: { message: '缺少以下程序：{tools}。', remedy: '请先安装，例如：yum install {packages}' },
  },
  HOST_REFUSED: {
    exitCode: 1,
    en: {
      message: 'This host refuses a change: {detail}.',
      remedy:
        'Look at the file system there: is it mounted read-only (mount, dmesg), full (df, df -i), a file of it locked (lsattr), something else in the way? Then run the command again.',
    },
    zh: {
      message: '此主机拒绝更改：{detail}。',
      remedy:
        '请检查该处文件系统：是否只读（mount、dmesg）、已满（df、df -i）、文件被锁定（lsattr）或路径被占用。然后重试。',
    },
  },
  PROGRAM_CANNOT_START: {
    exitCode: 1,
    en: {
      message: 'The program of regnode does not start on this host: {detail}.',
      remedy:
        'Look at /etc/ld.so.preload: a library that a host loads into every program must go with glibc 2.36. Look also at how the file system of /opt is mounted (noexec).',
    },
    zh: {
      message: 'regnode 的程序无法在此主机启动：{detail}。',
      remedy:
        '请查看 /etc/ld.so.preload：主机为每个程序加载的库必须适用于 glibc 2.36；并检查 /opt 所在文件系统的挂载选项（noexec）。',
    },
  },
  OTHER_INSTALLATION: {
    exitCode: 1,
    en: {
      message: '/opt/regnode was not installed by install.sh (by the RPM?).',
      remedy: 'Keep using the package, or remove it first: rpm -e regnode',
    },
    zh: {
      message: '/opt/regnode 不是由 install.sh 安装的（可能来自 RPM）。',
      remedy: '请继续使用软件包，或先卸载：rpm -e regnode',
    },
  },
  UNPACK_FAILED: {
    exitCode: 1,
    en: {
      message: 'The artifact {name} could not be unpacked: {detail}.',
      remedy: 'Check the disk under /opt and run the command again.',
    },
    zh: { message: '制品 {name} 解压失败：{detail}。', remedy: '请检查 /opt 所在磁盘后重试。' },
  },
  LEAVE_IMPOSSIBLE: {
    exitCode: 1,
    en: {
      message: 'This host has joined a cluster, but the program that could take it out is gone.',
      remedy:
        'Install regnode again (--no-join) and then uninstall, or use --force to leave everything else as it is.',
    },
    zh: {
      message: '此主机已加入集群，但用于退出的程序已不存在。',
      remedy: '请先重新安装（--no-join）再卸载，或使用 --force 跳过退出步骤。',
    },
  },
} as const satisfies Record<string, CatalogueEntry>;
