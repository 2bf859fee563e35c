// Variables that change how regnode reaches the network, from the files that set them. Only their names are
// reported, and for a proxy its address; never a user or a password.
import type { Host } from '../host/host.ts';

export const environmentFiles = ['/etc/regnode/environment', '/etc/environment'] as const;

const shown = /^(?:https?_proxy|no_proxy|all_proxy)$/i;

export async function describeEnvironment(host: Host): Promise<object> {
  const described = await Promise.all(
    environmentFiles.map(async (path) => {
      const text = (await host.files.readText(path, 256 * 1024)) ?? '';
      const lines = [...text.matchAll(/^[^\S\n]*(?:export[^\S\n]+)?([A-Za-z_]\w*)=(.*)$/gm)];
      const variables = lines.map(([, name = '', value = '']) => [
        name,
        shown.test(name) ? place(value) : '(set)',
      ]);
      return [path, Object.fromEntries(variables)] as const;
    }),
  );
  return Object.fromEntries(described);
}

/**
 * `http://user:password@proxy:3128/` → `http://proxy:3128`; a list of exceptions
 * has names and addresses only.
 */
function place(value: string): string {
  const text = value.trim().replaceAll(/^["']|["']$/g, '');
  if (/^[a-z0-9.*:/,_ -]*$/i.test(text) && !text.includes('@') && !text.includes('://')) return text;
  if (!URL.canParse(text)) return '(not a URL)';
  const url = new URL(text);
  return `${url.protocol}//${url.host}`;
}
