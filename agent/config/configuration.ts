// /etc/regnode/agent.json: which gateway, who we are. One schema gives the type and the errors; an unknown
// key is an error with a guess at what was meant.
import { z } from 'zod';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { nodeNamePattern } from '../../protocol/messages/join.ts';
import { holdsCredential } from '../../protocol/url-credential.ts';
import type { Host } from '../host/host.ts';
import { nearest } from './nearest.ts';
import { paths } from './paths.ts';

export const gatewayUrlSchema = z
  .url({ protocol: /^https$/, error: 'an https:// URL' })
  .refine((url) => !holdsCredential(url), { error: 'an https:// URL without user and password' })
  .transform((url) => url.replace(/\/+$/, ''));

const configurationSchema = z.strictObject({
  gatewayUrl: gatewayUrlSchema,
  nodeName: z.string().regex(nodeNamePattern, { error: 'a valid node name' }),
  pool: z.string().min(1, { error: 'the name of a pool' }),
});
export type AgentConfiguration = z.infer<typeof configurationSchema>;

/** undefined when there is no such file. */
export async function readConfiguration(host: Host): Promise<AgentConfiguration | undefined> {
  const text = await host.files.readText(paths.configuration);
  return text === undefined ? undefined : parseConfiguration(text, paths.configuration);
}

export function encodeConfiguration(configuration: AgentConfiguration): string {
  return `${JSON.stringify(configuration, undefined, 2)}\n`;
}

export function parseConfiguration(text: string, path: string): AgentConfiguration {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Fault('CONFIGURATION_INVALID', { path, detail: (error as Error).message });
  }
  const parsed = configurationSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Fault('CONFIGURATION_INVALID', { path, detail: parsed.error.issues.map(describe).join('; ') });
}

function describe(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(configurationSchema.shape);
    return issue.keys
      .map((key) => {
        const meant = nearest(key, known);
        return `unknown key "${key}"${meant === undefined ? '' : `, did you mean "${meant}"?`}`;
      })
      .join('; ');
  }
  return `${issue.path.join('.') || 'the file'}: expected ${issue.message}`;
}
