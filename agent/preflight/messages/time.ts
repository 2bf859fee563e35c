// Texts of the group "time".
import type { CheckMessages } from './shape.ts';

export const timeMessages = {
  TIME_SYNC: {
    title: { en: 'Time service', zh: '时间同步' },
    why: {
      en: 'Certificates, leases and logs need clocks that agree. A clock that nobody keeps drifts by seconds a week.',
      zh: '证书、租约与日志都要求时钟一致；无人校准的时钟每周会漂移数秒。',
    },
    problems: {
      noService: {
        message: { en: 'No time service keeps the clock of this host.', zh: '主机没有运行时间同步服务。' },
        remedy: { en: 'Install chrony.', zh: '请安装 chrony。' },
        commands: ['yum install -y chrony && systemctl enable --now chronyd', 'chronyc tracking'],
      },
      notSynchronized: {
        message: {
          en: '{service} runs, but the clock is not synchronized.',
          zh: '{service} 已运行，但时钟尚未同步。',
        },
        remedy: {
          en: 'Check that its servers can be reached (UDP 123), or give it others.',
          zh: '请检查时间服务器是否可达（UDP 123），或更换服务器。',
        },
        commands: ['chronyc sources -v', 'timedatectl status'],
      },
    },
  },
  TIME_SKEW: {
    title: { en: 'Clock', zh: '时钟偏差' },
    why: {
      en: 'With a wrong clock fresh certificates look as if they began in the future or had expired long ago.',
      zh: '时钟错误时，新签发的证书会显得尚未生效或早已过期。',
    },
    problems: {
      wrong: {
        message: {
          en: 'The clock of this host is {seconds} s off the gateway’s; at most {largest} s is allowed.',
          zh: '主机时钟与网关相差 {seconds} 秒，最多允许 {largest} 秒。',
        },
        remedy: { en: 'Set the clock and keep it with chrony.', zh: '请校准时钟，并用 chrony 保持同步。' },
        commands: ['systemctl enable --now chronyd && chronyc makestep', 'date'],
      },
      drifting: {
        message: {
          en: 'The clock of this host is {seconds} s off the gateway’s; {allowed} s is the limit for comfort.',
          zh: '主机时钟与网关相差 {seconds} 秒，建议不超过 {allowed} 秒。',
        },
        remedy: { en: 'Keep it with chrony.', zh: '请用 chrony 保持同步。' },
        commands: ['chronyc makestep', 'chronyc tracking'],
      },
    },
  },
} as const satisfies Record<string, CheckMessages>;
