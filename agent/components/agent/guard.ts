// What survives a new agent that doesn't work: a shell script and a timer that the old agent leaves behind
// before it hands over, and that need nothing of the new one. At each start of regnode.service the script
// counts, and after some starts without a word that all is well it puts the old release back; the timer does
// the same for one that runs and never gets well. The files: `trial` (who is tried, until it is confirmed),
// `starts` (a line each), `failed` (what the old agent finds when it is back).
import { shellWord } from '../../../protocol/formats/shell.ts';
import { command, line, triedCommand, unitFile, words } from '../../../protocol/formats/systemd.ts';
import { paths } from '../../config/paths.ts';
import type { Resource } from '../../plan/resource.ts';

export const upgradeTimer = 'regnode-upgrade.timer';
/** Starts of a new agent before it is given up. */
export const mostStarts = 3;

/** Present only while a trial is on; the plan takes them away again. */
export function guardResources(waitSeconds: number): Resource[] {
  const note = 'Written by regnode while a new version of it is tried.';
  const file = (path: string, content: string): Resource => ({ kind: 'file', path, mode: 0o644, content });
  return [
    file(
      `${paths.units}/regnode.service.d/50-regnode-upgrade.conf`,
      unitFile(note, { Service: [['ExecStartPre', triedCommand('/bin/sh', paths.guard, 'start')]] }),
    ),
    file(
      `${paths.units}/regnode-upgrade.service`,
      unitFile(note, {
        Unit: [['Description', line('puts the regnode agent back that worked')]],
        Service: [
          ['Type', words('oneshot')],
          ['ExecStart', command('/bin/sh', paths.guard, 'late')],
        ],
      }),
    ),
    file(
      `${paths.units}/${upgradeTimer}`,
      unitFile(note, {
        Unit: [['Description', line('how long a new regnode agent has to become well')]],
        Timer: [
          ['OnActiveSec', words(String(waitSeconds))],
          ['OnUnitInactiveSec', words('60')],
          ['AccuracySec', words('1')],
        ],
      }),
    ),
    // Also after a power cut in the middle.
    {
      kind: 'link',
      path: `${paths.units}/timers.target.wants/${upgradeTimer}`,
      target: `${paths.units}/${upgradeTimer}`,
    },
    { kind: 'unit', name: upgradeTimer },
  ];
}

export const guardScript = `#!/bin/sh
# Written by regnode: puts the agent back that worked when the one that is tried does not. Never stops a start.
home=${shellWord(paths.agentHome)}
memory=${shellWord(paths.upgrade)}
unit=${shellWord(`${paths.units}/regnode.service`)}
[ -f "$memory/trial" ] || exit 0
from=$(sed -n 's/^from=//p' "$memory/trial")
to=$(sed -n 's/^to=//p' "$memory/trial")
wait=$(sed -n 's/^wait=//p' "$memory/trial")
case $from$to in '' | *[!A-Za-z0-9._+~-]*) exit 0 ;; esac
# Not in use yet, or not any more.
[ "$(readlink "$home/current")" = "releases/$to" ] || exit 0
[ -x "$home/releases/$from/bin/regnode" ] || exit 0
if [ "$1" = start ]; then
  echo start >>"$memory/starts"
  starts=$(wc -l <"$memory/starts")
  [ "$starts" -gt ${mostStarts} ] || exit 0
  why="it ended $((starts - 1)) times before it was well"
else
  why="it was not well within $wait s"
fi
said=$(journalctl --unit regnode.service --identifier regnode --lines 6 --output cat --no-pager 2>/dev/null | tr '\\n' ';' | cut -c 1-300)
printf 'to=%s\\nwhy=%s: %s\\n' "$to" "$why" "$said" >"$memory/failed.new"
sync
mv -f "$memory/failed.new" "$memory/failed"
rm -f "$home/.current.new"
ln -s "releases/$from" "$home/.current.new"
mv -T "$home/.current.new" "$home/current"
if ! cmp -s "$home/releases/$from/systemd/regnode.service" "$unit"; then
  cat "$home/releases/$from/systemd/regnode.service" >"$unit.new"
  mv -T "$unit.new" "$unit"
  systemctl daemon-reload
fi
sync
[ "$1" = start ] || systemctl restart --no-block regnode.service
`;
