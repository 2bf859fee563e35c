// Texts of the group "resources": what the host has to give.
import type { CheckMessages } from './shape.ts';

export const resourceMessages = {
  CPU_COUNT: {
    title: { en: 'CPUs', zh: 'CPU 数量' },
    why: {
      en: 'kubelet, containerd, the network and regnode share the CPUs with the pods.',
      zh: 'kubelet、containerd、网络组件和 regnode 与 Pod 共用 CPU。',
    },
    problems: {
      few: {
        message: {
          en: 'The host has {cpus} CPU; {recommended} or more are recommended.',
          zh: '主机只有 {cpus} 个 CPU，建议至少 {recommended} 个。',
        },
        remedy: {
          en: 'Use a larger host, or keep it for small pods.',
          zh: '请使用更大的主机，或只运行小规格 Pod。',
        },
        commands: ['nproc'],
      },
      unknown: {
        message: { en: 'The number of CPUs cannot be read.', zh: '无法读取 CPU 数量。' },
        remedy: { en: 'Check that /sys is mounted.', zh: '请检查 /sys 是否已挂载。' },
        commands: ['mount -t sysfs sysfs /sys'],
      },
    },
  },
  MEMORY: {
    title: { en: 'Memory', zh: '内存' },
    why: {
      en: 'kubelet, containerd, the network and regnode take about 600 MiB before the first pod.',
      zh: '在运行首个 Pod 之前，kubelet、containerd、网络组件和 regnode 约占 600 MiB。',
    },
    problems: {
      little: {
        message: {
          en: 'The host has {totalMiB} MiB of memory; a node needs {neededMiB}.',
          zh: '主机内存为 {totalMiB} MiB，节点至少需要 {neededMiB} MiB。',
        },
        remedy: { en: 'Use a host with more memory.', zh: '请使用内存更大的主机。' },
        commands: ['free -m'],
      },
      tight: {
        message: {
          en: 'The host has {totalMiB} MiB of memory; little is left for pods below {recommendedMiB}.',
          zh: '主机内存为 {totalMiB} MiB，低于 {recommendedMiB} MiB 时留给 Pod 的很少。',
        },
        remedy: { en: 'Add memory, or run small pods only.', zh: '请增加内存，或只运行小规格 Pod。' },
        commands: ['free -m'],
      },
      unknown: {
        message: { en: 'The size of the memory cannot be read.', zh: '无法读取内存大小。' },
        remedy: { en: 'Check that /proc is mounted.', zh: '请检查 /proc 是否已挂载。' },
        commands: ['cat /proc/meminfo'],
      },
    },
  },
  DISK_SPACE: {
    title: { en: 'Disk space', zh: '磁盘空间' },
    why: {
      en: 'Images and pods live under /var/lib/containerd and /var/lib/kubelet (8 GiB free at least), programs under /opt and /var/lib/regnode (1 GiB).',
      zh: '镜像与 Pod 位于 /var/lib/containerd 和 /var/lib/kubelet（至少剩余 8 GiB），程序位于 /opt 和 /var/lib/regnode（1 GiB）。',
    },
    problems: {
      little: {
        message: {
          en: '{path} has {freeMiB} MiB free; {neededMiB} are needed.',
          zh: '{path} 剩余 {freeMiB} MiB，需要 {neededMiB} MiB。',
        },
        remedy: {
          en: 'Free some room, or mount a data disk there before joining.',
          zh: '请清理空间，或在加入前把数据盘挂载到该处。',
        },
        commands: ['df -h {path} /var/lib /opt', 'du -xh --max-depth=2 /var | sort -h | tail'],
      },
    },
  },
  DISK_INODES: {
    title: { en: 'Inodes', zh: 'inode 数量' },
    why: {
      en: 'Unpacked images are many small files: a disk can be full of inodes long before it is full of bytes.',
      zh: '镜像解压后是大量小文件，inode 可能比空间更早耗尽。',
    },
    problems: {
      none: {
        message: {
          en: '{path} has {freeInodes} inodes free; {needed} are needed.',
          zh: '{path} 剩余 inode {freeInodes} 个，需要 {needed} 个。',
        },
        remedy: {
          en: 'Remove small files, or mount a disk with more inodes there.',
          zh: '请删除小文件，或挂载 inode 更多的磁盘。',
        },
        commands: ['df -i {path}'],
      },
      few: {
        message: {
          en: '{path} has {freeInodes} inodes free; {recommended} are recommended.',
          zh: '{path} 剩余 inode {freeInodes} 个，建议 {recommended} 个。',
        },
        remedy: { en: 'Watch it, or mount a data disk there.', zh: '请留意，或在该处挂载数据盘。' },
        commands: ['df -i {path}'],
      },
    },
  },
  XFS_FTYPE: {
    title: { en: 'XFS for overlayfs', zh: 'XFS 与 overlayfs' },
    why: {
      en: 'containerd stacks image layers with overlayfs, which on XFS needs ftype=1. It is fixed when the file system is made.',
      zh: 'containerd 用 overlayfs 叠加镜像层，在 XFS 上要求 ftype=1，且只能在格式化时指定。',
    },
    problems: {
      off: {
        message: { en: 'The XFS at {path} was made with ftype=0.', zh: '{path} 的 XFS 以 ftype=0 格式化。' },
        remedy: {
          en: 'Make a new file system on a data disk and mount it at /var/lib/containerd.',
          zh: '请用数据盘新建文件系统并挂载到 /var/lib/containerd。',
        },
        commands: [
          'xfs_info {path} | grep ftype',
          'mkfs.xfs -n ftype=1 /dev/DATA_DISK && mount /dev/DATA_DISK /var/lib/containerd',
        ],
      },
      unknown: {
        message: {
          en: 'Whether the XFS at {path} has ftype=1 cannot be told.',
          zh: '无法判断 {path} 的 XFS 是否为 ftype=1。',
        },
        remedy: { en: 'Install xfsprogs and look.', zh: '请安装 xfsprogs 后查看。' },
        commands: ['yum install -y xfsprogs', 'xfs_info {path} | grep ftype'],
      },
    },
  },
  FREE_PIDS: {
    title: { en: 'Process ids', zh: '进程号余量' },
    why: {
      en: 'Each thread of each pod takes a process id. When they end, nothing on the host can start, the shell of an administrator included.',
      zh: '每个 Pod 的每个线程都占用一个进程号；耗尽后主机上任何程序都无法启动，包括管理员的 shell。',
    },
    problems: {
      none: {
        message: {
          en: '{free} of {limit} process ids are free; {needed} are needed.',
          zh: '进程号剩余 {free}/{limit}，至少需要 {needed}。',
        },
        remedy: { en: 'End what uses them, or raise the limit.', zh: '请结束占用者或调高上限。' },
        commands: ['ps -eLf | wc -l', 'sysctl -w kernel.pid_max=4194303 kernel.threads-max=4194303'],
      },
      few: {
        message: {
          en: '{free} of {limit} process ids are free; {recommended} are recommended.',
          zh: '进程号剩余 {free}/{limit}，建议 {recommended}。',
        },
        remedy: { en: 'Raise the limit.', zh: '建议调高上限。' },
        commands: ['sysctl -w kernel.pid_max=4194303 kernel.threads-max=4194303'],
      },
      unknown: {
        message: { en: 'The number of processes cannot be read.', zh: '无法读取进程数量。' },
        remedy: { en: 'Check that /proc is mounted.', zh: '请检查 /proc 是否已挂载。' },
        commands: ['cat /proc/loadavg'],
      },
    },
  },
  PROCESS_LIMITS: {
    title: { en: 'Process limits', zh: '进程限制' },
    why: {
      en: 'A runtime with hundreds of containers opens thousands of files. regnode sets the limits of its own units; this shows those of everything else.',
      zh: '运行数百个容器时会打开数千个文件。regnode 会设置自己的单元限制，此处显示其他程序的限制。',
    },
    problems: {
      low: {
        message: { en: 'The limits of root are low: {measured}.', zh: 'root 的限制偏低：{measured}。' },
        remedy: { en: 'Raise them in /etc/security/limits.d.', zh: '请在 /etc/security/limits.d 中调高。' },
        commands: [
          "printf 'root - nofile 65536\\nroot - nproc 65536\\n' > /etc/security/limits.d/90-node.conf",
          'ulimit -Hn; ulimit -Hu',
        ],
      },
    },
  },
  KERNEL_KEYS: {
    title: { en: 'Kernel keys', zh: '内核密钥配额' },
    why: {
      en: 'Each container gets a session keyring, charged to root.',
      zh: '每个容器都会占用 root 的一个会话密钥环。',
    },
    problems: {
      few: {
        message: {
          en: 'root may have {keys} keys; {recommended} are recommended.',
          zh: 'root 的密钥上限为 {keys}，建议 {recommended}。',
        },
        remedy: {
          en: 'regnode raises it when it joins; to raise it now:',
          zh: 'regnode 加入时会调高；也可现在调高：',
        },
        commands: [
          'sysctl -w kernel.keys.root_maxkeys=1000000 kernel.keys.root_maxbytes=25000000',
          "printf 'kernel.keys.root_maxkeys=1000000\\nkernel.keys.root_maxbytes=25000000\\n' > /etc/sysctl.d/90-keys.conf",
        ],
      },
    },
  },
  SWAP: {
    title: { en: 'Swap', zh: '交换分区' },
    why: {
      en: 'The kubelet refuses to run with swap on unless it is told otherwise: memory limits and eviction count on pages that stay in memory.',
      zh: '默认情况下开启 swap 时 kubelet 拒绝运行：内存限制与驱逐都以页面常驻内存为前提。',
    },
    problems: {
      on: {
        message: { en: 'Swap is on: {devices}.', zh: '已启用 swap：{devices}。' },
        remedy: {
          en: 'Turn it off now and for the next boot.',
          zh: '请立即关闭，并取消开机启用。',
        },
        commands: [
          'swapoff -a',
          "sed -ri.bak '/\\sswap\\s/s/^#?/#/' /etc/fstab",
          'systemctl mask swap.target',
        ],
      },
    },
  },
} as const satisfies Record<string, CheckMessages>;
