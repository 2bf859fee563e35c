// What Prometheus and whoever runs it can be told: scrapes through the gateway, and remote-write.
import type { CatalogueEntry } from './entry.ts';

export const monitoringFaults = {
  CREDENTIAL_UNREADABLE: {
    exitCode: 2,
    en: {
      message: 'The credential {file} cannot be read: {detail}.',
      remedy: 'Make it readable for the user that the gateway runs as, or correct the flag that names it.',
    },
    zh: {
      message: '无法读取凭据文件 {file}：{detail}。',
      remedy: '请让网关的运行用户可以读取它，或修正指定该文件的参数。',
    },
  },
  SCRAPE_UNAUTHORIZED: {
    exitCode: 1,
    en: {
      message: 'This scrape has no valid bearer token.',
      remedy:
        "Give Prometheus the token of the gateway's --scrape-token-file (authorization: credentials_file).",
    },
    zh: {
      message: '该抓取请求没有有效的 bearer 令牌。',
      remedy: '请在 Prometheus 中配置网关 --scrape-token-file 中的令牌（authorization: credentials_file）。',
    },
  },
  SCRAPE_NOT_LOCAL: {
    exitCode: 1,
    en: {
      message: 'Without a scrape token, kubelets are only shown to this very machine, not to {address}.',
      remedy: 'Start the gateway with --scrape-token-file, and give Prometheus the same token.',
    },
    zh: {
      message: '未配置抓取令牌时，kubelet 指标只对本机开放，不对 {address} 开放。',
      remedy: '请用 --scrape-token-file 启动网关，并把同一令牌配置给 Prometheus。',
    },
  },
  SCRAPE_LIMIT: {
    exitCode: 4,
    en: {
      message: '{limit} scrapes are under way already ({scope}).',
      remedy: 'Scrape less often, or look why the kubelet answers so slowly.',
    },
    zh: {
      message: '已有 {limit} 个抓取正在进行（{scope}）。',
      remedy: '请降低抓取频率，或检查 kubelet 为何响应缓慢。',
    },
  },
  KUBELET_SCRAPE_FAILED: {
    exitCode: 5,
    en: {
      message: 'The kubelet of {node} gave no {path}: {detail}.',
      remedy:
        'Look at kubelet.service on the node. Status 403: run "regnode-gateway setup" again. A certificate error: see kubectl get csr.',
    },
    zh: {
      message: '节点 {node} 的 kubelet 没有返回 {path}：{detail}。',
      remedy:
        '请检查该节点上的 kubelet.service。状态 403：请重新执行 "regnode-gateway setup"；证书错误：见 kubectl get csr。',
    },
  },
} as const satisfies Record<string, CatalogueEntry>;
