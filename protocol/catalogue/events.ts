// What happens to nodes, as Kubernetes Events and conditions tell it. Their reason is the code in CamelCase,
// as is the custom there (TUNNEL_LOST → TunnelLost); `regnode explain` takes either.
import type { CatalogueEntry } from './entry.ts';

const nothingToDo = { en: 'Nothing to do.', zh: '无需处理。' };

export const eventTexts = {
  JOINED: {
    exitCode: 0,
    en: { message: '{name} joined the pool {pool} from {address}', remedy: nothingToDo.en },
    zh: { message: '{name} 从 {address} 加入节点池 {pool}', remedy: nothingToDo.zh },
  },
  JOIN_REFUSED: {
    exitCode: 0,
    en: {
      message: '{name} from {address}: {detail}',
      remedy: 'On the host the same code was told with its remedy; see the audit of the gateway.',
    },
    zh: {
      message: '{name}（{address}）加入被拒绝：{detail}',
      remedy: '主机上已给出相同代码与处理办法；另见网关审计日志。',
    },
  },
  DRAIN_HELD_BACK: {
    exitCode: 0,
    en: {
      message: '{name} is not told to leave yet: {count} pod(s) may not be moved away: {pods}',
      remedy:
        'It is tried again each minute. Make room for them or change the budget; to end them all the same: regnodectl node remove NAME --force, and regnode leave --force on the host',
    },
    zh: {
      message: '暂未通知 {name} 退出：{count} 个 Pod 不允许迁走：{pods}',
      remedy:
        '每分钟重试一次。请为其腾出位置或修改 PDB；若仍要终止：regnodectl node remove NAME --force，并在主机上执行 regnode leave --force',
    },
  },
  NODE_LEFT: {
    exitCode: 0,
    en: { message: '{name} has left the cluster', remedy: nothingToDo.en },
    zh: { message: '{name} 已退出集群', remedy: nothingToDo.zh },
  },
  NODE_REMOVED: {
    exitCode: 0,
    en: {
      message: '{name} was removed by force',
      remedy: 'Clean the host when it is back: regnode leave --force',
    },
    zh: { message: '{name} 已被强制移除', remedy: '主机恢复后请清理：regnode leave --force' },
  },
  TUNNEL_CONNECTED: {
    exitCode: 0,
    en: { message: 'the tunnel through {gateway} is open', remedy: nothingToDo.en },
    zh: { message: '经 {gateway} 的隧道已连接', remedy: nothingToDo.zh },
  },
  TUNNEL_LOST: {
    exitCode: 0,
    en: { message: 'the tunnel through {gateway} is lost', remedy: 'On the host: regnode doctor' },
    zh: { message: '经 {gateway} 的隧道已断开', remedy: '请在主机上执行：regnode doctor' },
  },
  TUNNEL_NEVER_CONNECTED: {
    exitCode: 0,
    en: { message: 'the tunnel has not been open yet', remedy: 'On the host: regnode doctor' },
    zh: { message: '隧道尚未建立过', remedy: '请在主机上执行：regnode doctor' },
  },
  ADDRESSES_OWNED: {
    exitCode: 0,
    en: { message: 'its name and its addresses are its own: {addresses}', remedy: nothingToDo.en },
    zh: { message: '名称与地址均归其所有：{addresses}', remedy: nothingToDo.zh },
  },
  ADDRESS_CONTESTED: {
    exitCode: 0,
    en: {
      message: '{detail}',
      remedy:
        'Nothing is led to the node by what is not its own, and no certificate is made for it. Remove the one that should not have it.',
    },
    zh: {
      message: '名称或地址存在冲突：{detail}',
      remedy: '不归其所有的名称或地址不会被转到该节点，也不会为其签发证书。请移除不应占用者。',
    },
  },
  ADDRESS_REFUSED: {
    exitCode: 0,
    en: {
      message: 'the host is at {address} now, which is not its own: {detail}; its own stay {addresses}',
      remedy:
        'Declare the range of the hosts: regnodectl pool set {pool} --node-cidr RANGE. An address that another has is free when that one is removed. Until then kubectl logs and exec do not reach the node.',
    },
    zh: {
      message: '主机当前地址为 {address}，但该地址不归其所有：{detail}；其所有地址仍为 {addresses}',
      remedy:
        '请声明主机网段：regnodectl pool set {pool} --node-cidr 网段。若地址已属他人，移除后即可使用。在此之前 kubectl logs 与 exec 无法到达该节点。',
    },
  },
  IDENTITY_UNIQUE: {
    exitCode: 0,
    en: { message: 'one host has the identity of this node', remedy: nothingToDo.en },
    zh: { message: '只有一台主机持有此节点的身份', remedy: nothingToDo.zh },
  },
  IDENTITY_SHARED: {
    exitCode: 0,
    en: {
      message: '{holder} is this node; another host asks for it and is refused: {refused} ({detail})',
      remedy:
        'One is a copy of the other. On the copy: regnode leave (the node stays with the other host), rm /etc/machine-id, systemd-machine-id-setup, then join under a name of its own. If the refused one is the right one, end the other: then it gets in by itself; where its hardware has changed, regnodectl node readmit NAME.',
    },
    zh: {
      message: '此节点为 {holder}；另一台主机请求该身份并被拒绝：{refused}（{detail}）',
      remedy:
        '其中一台是另一台的副本。请在副本上执行 regnode leave（节点仍归另一台主机）、rm /etc/machine-id、systemd-machine-id-setup，然后用自己的名称加入。若被拒绝者才是正确的主机，请停掉另一台，它会自行接入；若其硬件已更换，请执行 regnodectl node readmit NAME。',
    },
  },
  READMISSION_ALLOWED: {
    exitCode: 0,
    en: { message: 'a host with another key may take the name {name} until {until}', remedy: nothingToDo.en },
    zh: { message: '在 {until} 之前，持有其他密钥的主机可使用名称 {name} 加入一次', remedy: nothingToDo.zh },
  },
  AS_DESIRED: {
    exitCode: 0,
    en: { message: 'the host has revision {revision}, as desired', remedy: nothingToDo.en },
    zh: { message: '主机为期望的版本 {revision}', remedy: nothingToDo.zh },
  },
  BEHIND: {
    exitCode: 0,
    en: {
      message: 'the host has revision {revision}, desired is {desired}',
      remedy: 'It is on its way, unless the node is Degraded; on the host: regnode status',
    },
    zh: {
      message: '主机为版本 {revision}，期望为 {desired}',
      remedy: '正在更新，除非节点为 Degraded；请在主机上执行：regnode status',
    },
  },
  NO_DESIRED_STATE: {
    exitCode: 0,
    en: {
      message: 'nothing can be told to this node: {detail}',
      remedy: 'Mend the pool or add the artifact that it wants: regnodectl pool get POOL',
    },
    zh: {
      message: '无法为此节点确定期望状态：{detail}',
      remedy: '请修正节点池，或补充其所需的制品：regnodectl pool get POOL',
    },
  },
  NO_NODE_OBJECT: {
    exitCode: 0,
    en: { message: 'the kubelet has not registered the node', remedy: 'On the host: regnode doctor' },
    zh: { message: 'kubelet 尚未注册节点', remedy: '请在主机上执行：regnode doctor' },
  },
  NODE_NOT_OURS: {
    exitCode: 0,
    en: {
      message:
        'the Node {name} was there before this registration, or is of another machine: it is neither written nor deleted',
      remedy: 'Have the host leave, and let it join under another name: regnode join --name NAME',
    },
    zh: {
      message: 'Node {name} 早于此注册存在，或属于另一台机器：不会被修改或删除',
      remedy: '请让该主机退出，并以其他名称加入：regnode join --name NAME',
    },
  },
  REGISTERED_NODE: {
    exitCode: 0,
    en: { message: 'regnode: the kubelet of {name}', remedy: nothingToDo.en },
    zh: { message: 'regnode：{name} 的 kubelet', remedy: nothingToDo.zh },
  },
  NOT_THIS_REGISTERED_NODE: {
    exitCode: 0,
    en: {
      message: 'regnode: {detail}',
      remedy: 'Somebody asks for a certificate that is not his: look at the requester of that CSR.',
    },
    zh: { message: 'regnode 拒绝：{detail}', remedy: '有人在申请不属于自己的证书：请查看该 CSR 的申请者。' },
  },
  DRIFT_FOUND: {
    exitCode: 0,
    en: {
      message: '{count} thing(s) on the host were changed by hand: {detail}',
      remedy:
        'See "regnode plan" on the host. Set them back there (regnode join does it too), or let regnode do it: regnodectl pool set POOL --drift-policy repair',
    },
    zh: {
      message: '主机上有 {count} 处被手工改动：{detail}',
      remedy:
        '请在主机上执行 regnode plan 查看。可自行改回，或让 regnode 修复：regnodectl pool set POOL --drift-policy repair',
    },
  },
  DRIFT_REPAIRED: {
    exitCode: 0,
    en: {
      message: 'changed by hand on the host and set back: {detail}',
      remedy: 'Change the pool instead; who changed the host, its own logs may say.',
    },
    zh: {
      message: '主机上的手工改动已恢复：{detail}',
      remedy: '请改为修改节点池；改动来源可查主机日志。',
    },
  },
  NO_DRIFT: {
    exitCode: 0,
    en: { message: 'the host is as it was made', remedy: nothingToDo.en },
    zh: { message: '主机与安装时一致', remedy: nothingToDo.zh },
  },
  UPGRADE_BEGUN: {
    exitCode: 0,
    en: { message: '{component} {from} → {to} is tried', remedy: nothingToDo.en },
    zh: { message: '正在尝试 {component} {from} → {to}', remedy: nothingToDo.zh },
  },
  UPGRADED: {
    exitCode: 0,
    en: { message: '{component} {from} → {to} works and stays', remedy: nothingToDo.en },
    zh: { message: '{component} {from} → {to} 升级成功', remedy: nothingToDo.zh },
  },
  RESTART_WAITS: {
    exitCode: 0,
    en: {
      message: "other settings restart {detail}, which waits for this node's turn",
      remedy:
        'Nothing to do. How far its pool is: regnodectl pool get POOL; where it is paused: regnodectl pool resume POOL',
    },
    zh: {
      message: '设置变更需重启 {detail}，正等待轮到此节点',
      remedy: '无需处理。节点池进度：regnodectl pool get POOL；若已暂停：regnodectl pool resume POOL',
    },
  },
  RESTART_BEGUN: {
    exitCode: 0,
    en: { message: 'restarted for other settings, and watched: {detail}', remedy: nothingToDo.en },
    zh: { message: '因设置变更已重启，正在观察：{detail}', remedy: nothingToDo.zh },
  },
  RESTARTED: {
    exitCode: 0,
    en: { message: 'the restart for other settings is over', remedy: nothingToDo.en },
    zh: { message: '因设置变更的重启已结束', remedy: nothingToDo.zh },
  },
  VERSIONS_CURRENT: {
    exitCode: 0,
    en: { message: 'no version is being tried, and none failed', remedy: nothingToDo.en },
    zh: { message: '没有正在尝试或失败的版本', remedy: nothingToDo.zh },
  },
} as const satisfies Record<string, CatalogueEntry>;

export type EventCode = keyof typeof eventTexts;
