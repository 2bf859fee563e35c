// A card without its driver: the node joins, and pods that want the GPU wait for ever.
import { define, ok, skip, warn } from '../check.ts';
import { nvidiaCards, nvidiaDriver } from '../observation/graphics.ts';

export const gpuDriver = define({
  code: 'GPU_DRIVER',
  id: 'gpu-driver',
  group: 'devices',
  severity: 'advisory',
  dependsOn: [],
  async run(host) {
    const cards = await nvidiaCards(host);
    if (cards === 0) return skip('notNeeded', 'GPU absent');
    const version = await nvidiaDriver(host);
    return version === undefined
      ? warn('missing', `${cards} × GPU, driver absent`, 'nvidia', { cards })
      : ok(`${cards} × GPU, driver ${version}`);
  },
});
