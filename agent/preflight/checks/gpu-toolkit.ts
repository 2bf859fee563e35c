// containers get a GPU through NVIDIA's container toolkit.
import { define, ok, skip, warn } from '../check.ts';
import { nvidiaCards, nvidiaDriver } from '../observation/graphics.ts';

const programs = ['/usr/bin/nvidia-container-runtime', '/usr/bin/nvidia-ctk', '/usr/local/bin/nvidia-ctk'];

export const gpuToolkit = define({
  code: 'GPU_TOOLKIT',
  id: 'gpu-toolkit',
  group: 'devices',
  severity: 'advisory',
  dependsOn: ['GPU_DRIVER'],
  async run(host) {
    if ((await nvidiaCards(host)) === 0) return skip('notNeeded', 'GPU absent');
    if ((await nvidiaDriver(host)) === undefined) return skip('notNeeded', 'driver absent');
    const found = await Promise.all(programs.map((path) => host.files.exists(path)));
    const program = programs.find((_, index) => found[index]);
    return program === undefined ? warn('missing', 'none', 'nvidia-container-toolkit') : ok(program);
  },
});
