// An agent that runs, tells systemd that all is well, and never connects: what an upgrade must survive.
import { execFileSync } from 'node:child_process';

execFileSync('systemd-notify', ['--ready']);
process.stdout.write('this agent does nothing\n');
setInterval(() => execFileSync('systemd-notify', ['WATCHDOG=1']), 5000);
