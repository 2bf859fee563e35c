// Texts of the group "devices": GPU and storage clients.
import type { CheckMessages } from './shape.ts';

export const deviceMessages = {
  GPU_DRIVER: {
    title: { en: 'GPU driver', zh: 'GPU 驱动' },
    why: {
      en: 'A node shows nvidia.com/gpu only with NVIDIA’s driver loaded; TKE’s qGPU says "nvidia nv_driver not installed" without it.',
      zh: '只有加载 NVIDIA 驱动，节点才会显示 nvidia.com/gpu；否则 qGPU 会报 “nvidia nv_driver not installed”。',
    },
    problems: {
      missing: {
        message: {
          en: 'The host has {cards} NVIDIA card(s), and no driver is loaded.',
          zh: '主机有 {cards} 块 NVIDIA 卡，但未加载驱动。',
        },
        remedy: {
          en: 'Install the driver, or go on when the GPU is not needed.',
          zh: '请安装驱动；若不需要 GPU 可继续。',
        },
        commands: ['lspci -d 10de:', 'cat /proc/driver/nvidia/version'],
      },
    },
  },
  GPU_TOOLKIT: {
    title: { en: 'GPU toolkit', zh: 'GPU 容器工具' },
    why: {
      en: 'containerd gives a GPU to a container by NVIDIA’s container toolkit; TKE says "Install gpu toolkit failed!" without it.',
      zh: 'containerd 通过 NVIDIA 容器工具为容器分配 GPU；缺少时 TKE 会报 “Install gpu toolkit failed!”。',
    },
    problems: {
      missing: {
        message: { en: 'The NVIDIA container toolkit is not installed.', zh: '未安装 NVIDIA 容器工具。' },
        remedy: { en: 'Install it.', zh: '请安装。' },
        commands: ['yum install -y nvidia-container-toolkit'],
      },
    },
  },
  NFS_CLIENT: {
    title: { en: 'NFS client', zh: 'NFS 客户端' },
    why: {
      en: 'Volumes of shared file storage (CFS) are mounted by mount.nfs on the host; without it their pods wait in ContainerCreating.',
      zh: '文件存储（CFS）卷由主机的 mount.nfs 挂载；缺少时 Pod 会停在 ContainerCreating。',
    },
    problems: {
      missing: {
        message: {
          en: 'mount.nfs is not installed: volumes of shared file storage cannot be mounted.',
          zh: '未安装 mount.nfs：无法挂载文件存储卷。',
        },
        remedy: { en: 'Install it when pods use such volumes.', zh: '若 Pod 使用此类卷，请安装。' },
        commands: ['yum install -y nfs-utils', 'apt-get install -y nfs-common   # Debian, Ubuntu'],
      },
    },
  },
  FUSE: {
    title: { en: 'FUSE', zh: 'FUSE' },
    why: {
      en: 'Volumes of object storage (COS) are FUSE file systems.',
      zh: '对象存储（COS）卷是 FUSE 文件系统。',
    },
    problems: {
      missing: {
        message: {
          en: 'FUSE is not there: volumes of object storage cannot be mounted.',
          zh: '没有 FUSE：无法挂载对象存储卷。',
        },
        remedy: { en: 'Load it when pods use such volumes.', zh: '若 Pod 使用此类卷，请加载。' },
        commands: ['modprobe fuse && ls -l /dev/fuse'],
      },
    },
  },
} as const satisfies Record<string, CheckMessages>;
