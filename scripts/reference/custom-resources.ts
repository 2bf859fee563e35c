// docs/reference/custom-resources.yaml: the CRDs as `regnode-gateway setup` applies them.
import { stringify } from 'yaml';
import { customResourceDefinitions } from '../../gateway/kubernetes/kinds.ts';
import { resourceDefinitions } from '../../gateway/resources/definitions.ts';

const { apiVersion, kind } = customResourceDefinitions;

export function customResources(): string {
  const documents = resourceDefinitions().map((definition) =>
    stringify({ apiVersion, kind, ...definition }, { lineWidth: 110, aliasDuplicateObjects: false }),
  );
  return `# Made by \`npm run schemas\`; \`regnode-gateway setup\` applies them.\n${documents.join('---\n')}`;
}
