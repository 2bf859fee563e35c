// What a pool says of its nodes' network, and of the Cilium that regnode brings. All pools of a cluster share
// the range of pod addresses.
import { z } from 'zod';
import { imageSchema, rangeSchema } from '../grammar.ts';
import { setting } from './setting.ts';

export const networkModeSchema = z.enum(['cilium', 'external']);

export const defaultPodCidr = '10.244.0.0/16';
export const defaultMaskSize = 24;

export const ciliumSettingsSchema = z.strictObject({
  version: setting(
    z
      .string()
      .max(32)
      .regex(/^v?[0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.-]*$/)
      .optional(),
    {
      form: 'text',
      flag: '--cilium-version <version>',
      en: 'version of Cilium',
      zh: 'Cilium 的版本',
      unset: {
        en: 'the newest that goes with kernel 5.4 and the cluster',
        zh: '适用于 5.4 内核与该集群的最新版本',
      },
      example: '1.15.15',
      reaches: 'gateway',
      bugReport: 'value',
    },
  ),
  image: setting(imageSchema.optional(), {
    form: 'text',
    flag: '--cilium-image <image>',
    en: "image of Cilium's agent",
    zh: 'Cilium agent 的镜像',
    unset: { en: 'quay.io/cilium/cilium in that version', zh: '对应版本的 quay.io/cilium/cilium' },
    example: 'registry.example.com/cilium:v1.15.15',
    reaches: 'gateway',
    bugReport: 'never',
  }),
  operatorImage: setting(imageSchema.optional(), {
    form: 'text',
    flag: '--cilium-operator-image <image>',
    en: "image of Cilium's operator",
    zh: 'Cilium operator 的镜像',
    unset: {
      en: 'quay.io/cilium/operator-generic in that version',
      zh: '对应版本的 quay.io/cilium/operator-generic',
    },
    example: 'registry.example.com/operator-generic:v1.15.15',
    reaches: 'gateway',
    bugReport: 'never',
  }),
  /** Of all pods of the cluster's Cilium nodes, and how long the prefix of one node's piece is. */
  podCidr: setting(
    rangeSchema.refine((range) => !range.includes(':'), { error: 'a range of IPv4' }).optional(),
    {
      form: 'text',
      flag: '--pod-cidr <range>',
      en: 'addresses of pods, the same in all cilium pools',
      zh: 'Pod 的地址段，所有 cilium 节点池必须相同',
      unset: { en: defaultPodCidr, zh: defaultPodCidr },
      example: '10.245.0.0/16',
      reaches: 'gateway',
      bugReport: 'value',
    },
  ),
  podCidrMaskSize: setting(z.int().min(16).max(30).optional(), {
    form: 'count',
    flag: '--pod-cidr-mask-size <n>',
    en: "size of one node's piece of it",
    zh: '每个节点所得网段的掩码长度',
    unset: { en: String(defaultMaskSize), zh: String(defaultMaskSize) },
    example: '25',
    reaches: 'gateway',
    bugReport: 'value',
  }),
  mtu: setting(z.int().min(1280).max(9000).optional(), {
    form: 'count',
    flag: '--cilium-mtu <bytes>',
    en: "MTU of the line's device, of which VXLAN takes 50 bytes",
    zh: '专线设备的 MTU，VXLAN 占用其中 50 字节',
    unset: { en: "by the line's device", zh: '取自专线设备' },
    example: '1400',
    reaches: 'hosts',
    bugReport: 'value',
  }),
});

export type CiliumSettings = z.infer<typeof ciliumSettingsSchema>;
