// How much of this host telemetry may take, as its operator says in /etc/regnode/environment. What is not
// said has its default; what is wrong is a fault that names the variable, and is not guessed. Pure.
import { Fault } from '../../protocol/catalogue/fault.ts';
import { capacityLimitBytes } from './ring/layout.ts';

export interface TelemetrySettings {
  /** Disk that records may take while the gateway is away. */
  readonly spoolCapBytes: number;
  /** What the file system keeps free of them. */
  readonly spoolFreeFloorBytes: number;
  /**
   * Memory for records on their way; a power of two. At 10 s 1 MiB is an hour of a cut link, and all
   * of it is resident in the end.
   */
  readonly ringBytes: number;
}

const mebibyte = 1024 * 1024;

export function telemetrySettings(
  environment: Readonly<Record<string, string | undefined>>,
): TelemetrySettings {
  const number = (
    variable: string,
    fallback: number,
    isRight: (value: number) => boolean,
    wanted: string,
  ) => {
    const text = environment[variable];
    if (text === undefined || text === '') return fallback;
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && isRight(value)) return value;
    throw new Fault('CONFIGURATION_INVALID', {
      path: '/etc/regnode/environment',
      detail: `${variable}=${text} is not ${wanted}`,
    });
  };
  return {
    spoolCapBytes: number(
      'REGNODE_SPOOL_CAP_BYTES',
      256 * mebibyte,
      (value) => value >= mebibyte,
      'a number of bytes, 1048576 or more',
    ),
    spoolFreeFloorBytes: number(
      'REGNODE_SPOOL_FREE_FLOOR_BYTES',
      1024 * mebibyte,
      () => true,
      'a number of bytes',
    ),
    ringBytes: number(
      'REGNODE_RING_BYTES',
      mebibyte,
      (value) => value >= 65_536 && value <= capacityLimitBytes && Number.isInteger(Math.log2(value)),
      'a power of two from 65536 to 1073741824',
    ),
  };
}
