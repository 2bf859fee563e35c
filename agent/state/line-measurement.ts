// What one look at the private line has shown: the shape of `regnode netcheck --json`, of the line
// in the daemon's status, and of what metrics are made from. What could not be measured is absent
// and says why in `notMeasured`.
import { z } from 'zod';
import { lineThresholdsSchema } from '../../protocol/line/thresholds.ts';

export const measurementSchemaVersion = 1;

const hopNames = ['route', 'dns', 'proxy', 'tcp', 'tls', 'http'] as const;

const hopSchema = z.object({
  hop: z.enum(hopNames),
  /** Absent when it was not reached, or takes no time (the route). */
  milliseconds: z.number().optional(),
  detail: z.string(),
  /** Why it failed; everything after it was not reached. */
  fault: z.string().optional(),
});

export const measurementSchema = z.object({
  schema: z.literal(measurementSchemaVersion),
  at: z.iso.datetime(),
  durationMs: z.number(),
  gatewayUrl: z.string(),
  route: z.object({ device: z.string(), source: z.string(), mtuBytes: z.number() }).optional(),
  /** Not a private line (a VPN, an encrypting policy): nothing else was measured. */
  refused: z.string().optional(),
  hops: z.array(hopSchema),
  roundTrip: z
    .object({
      over: z.enum(['udp', 'https']),
      sent: z.number(),
      received: z.number(),
      minMs: z.number(),
      p50Ms: z.number(),
      p90Ms: z.number(),
      p99Ms: z.number(),
      maxMs: z.number(),
      jitterMs: z.number(),
    })
    .optional(),
  /** Of UDP packets, there and back. */
  lossPercent: z.number().optional(),
  pathMtu: z
    .object({
      bytes: z.number(),
      /** udp: datagrams that may not be fragmented; ping: `ping -M do`. */
      method: z.enum(['udp', 'ping']),
      deviceBytes: z.number(),
      podMtuBytes: z.number(),
      vxlanFits: z.boolean(),
    })
    .optional(),
  udp: z
    .object({
      port: z.number(),
      /** To the gateway and back. */
      outward: z.enum(['open', 'blocked']),
      /** Begun by the gateway. */
      inward: z.enum(['open', 'blocked', 'unknown']),
      sent: z.number(),
    })
    .optional(),
  clock: z.object({ offsetMs: z.number(), uncertaintyMs: z.number(), samples: z.number() }).optional(),
  throughput: z.object({ downMbps: z.number(), upMbps: z.number(), bytes: z.number() }).optional(),
  notMeasured: z.array(z.object({ what: z.string(), reason: z.string() })),
  thresholds: lineThresholdsSchema,
});

export type LineMeasurement = z.infer<typeof measurementSchema>;
export type Hop = z.infer<typeof hopSchema>;
export type HopName = (typeof hopNames)[number];
