// The flags of remote-write and what they mean; a wrong one is named with its flag by serve's own parser.
import type { Command } from 'commander';
import { z } from 'zod';
import { holdsCredential } from '../../../protocol/url-credential.ts';
import type { DestinationOptions } from './destination.ts';

const labelPattern = /^([a-zA-Z_][a-zA-Z0-9_]{0,63})=(.{0,255})$/;
const ownLabels = ['__name__', 'node', 'pool'];

export const remoteWriteFlagsSchema = {
  remoteWriteUrl: z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
    .refine((url) => !holdsCredential(url), 'must hold no user and password: there are flags for them')
    .optional(),
  remoteWriteBearerTokenFile: z.string().min(1).optional(),
  remoteWriteUsername: z.string().min(1).optional(),
  remoteWritePasswordFile: z.string().min(1).optional(),
  remoteWriteCaFile: z.string().min(1).optional(),
  remoteWriteCertFile: z.string().min(1).optional(),
  remoteWriteKeyFile: z.string().min(1).optional(),
  /** Live samples that wait while the store is away, 24 bytes each; beyond it the oldest go. */
  remoteWriteQueue: z.coerce
    .number('must be a number of samples')
    .int()
    .min(10_000, 'must be at least 10000 samples')
    .max(50_000_000, 'must be at most 50000000 samples (1.2 GB)')
    .default(500_000),
  remoteWriteLabel: z
    .array(
      z
        .string()
        .regex(labelPattern, 'is not NAME=VALUE')
        .refine(
          (text) => !ownLabels.includes(text.split('=', 1)[0] ?? ''),
          'is a label that nodes have already',
        ),
    )
    .default([]),
};

type RemoteWriteFlags = z.infer<z.ZodObject<typeof remoteWriteFlagsSchema>>;

/** Undefined: there is no store to write to. */
export function remoteWriteOf(
  flags: RemoteWriteFlags,
): { destination: DestinationOptions; labels: Record<string, string>; queueSamples: number } | undefined {
  if (flags.remoteWriteUrl === undefined) return undefined;
  return {
    queueSamples: flags.remoteWriteQueue,
    destination: {
      url: flags.remoteWriteUrl,
      bearerTokenFile: flags.remoteWriteBearerTokenFile,
      username: flags.remoteWriteUsername,
      passwordFile: flags.remoteWritePasswordFile,
      caFile: flags.remoteWriteCaFile,
      certificateFile: flags.remoteWriteCertFile,
      keyFile: flags.remoteWriteKeyFile,
    },
    labels: Object.fromEntries(
      flags.remoteWriteLabel.map((text) => {
        const [, name = '', value = ''] = labelPattern.exec(text) ?? [];
        return [name, value];
      }),
    ),
  };
}

export function addRemoteWriteFlags(command: Command): Command {
  const gather = (text: string, before: readonly string[] = []) => [...before, text];
  return command
    .option('--remote-write-url <url>', 'write all values to this Prometheus-compatible store, too')
    .option('--remote-write-bearer-token-file <file>', 'token for it; read anew for each request')
    .option('--remote-write-username <name>', 'user for it (basic authentication)')
    .option('--remote-write-password-file <file>', 'password of that user')
    .option('--remote-write-ca-file <file>', 'roots that its certificate is checked against')
    .option('--remote-write-cert-file <file>', 'client certificate for it')
    .option('--remote-write-key-file <file>', 'key of that certificate')
    .option(
      '--remote-write-queue <samples>',
      'live values that wait while the store is away, 24 bytes each (default 500000)',
    )
    .option('--remote-write-label <name=value>', 'label of all that is written; may be repeated', gather);
}
