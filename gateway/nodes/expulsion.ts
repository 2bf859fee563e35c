// Writes one name of the list of expelled nodes (expelled.ts), and leaves the others as they are.
import { configMaps } from '../kubernetes/kinds.ts';
import { isFailure, type Kubernetes, update } from '../kubernetes/kubernetes.ts';
import { gatewayNamespace } from '../kubernetes/names.ts';
import { expelledConfigMap } from './expelled.ts';

const metadata = { name: expelledConfigMap, namespace: gatewayNamespace };

/** null takes it away. `setup` makes the list; where that is older, whoever may makes it now. */
export async function writeExpulsion(
  kubernetes: Kubernetes,
  name: string,
  until: string | null,
): Promise<void> {
  const written = await update(kubernetes, configMaps, metadata, (list) => {
    const { [name]: before, ...others } = list.data ?? {};
    if ((before ?? null) === until) return undefined;
    return { ...list, data: until === null ? others : { ...others, [name]: until } };
  });
  if (written || until === null) return;
  try {
    await kubernetes.create(configMaps, { metadata, data: { [name]: until } });
  } catch (error) {
    if (!isFailure(error, 'AlreadyExists')) throw error;
    await writeExpulsion(kubernetes, name, until);
  }
}
