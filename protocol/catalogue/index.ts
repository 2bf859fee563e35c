// Every code that regnode can say, one file per area. Codes are stable: scripts and runbooks hang on them.

import { approvalFaults } from './approvals.ts';
import { artifactFaults } from './artifacts.ts';
import { authorityFaults } from './authority.ts';
import type { CatalogueEntry } from './entry.ts';
import { eventTexts } from './events.ts';
import { gatewayFaults } from './gateway.ts';
import { healthFaults } from './health.ts';
import { hostFaults } from './host.ts';
import { installerFaults } from './installer.ts';
import { joinFaults } from './join.ts';
import { lineFaults } from './line.ts';
import { monitoringFaults } from './monitoring.ts';
import { preflightFaults } from './preflight.ts';
import { tunnelFaults } from './tunnel.ts';
import { upgradeFaults } from './upgrade.ts';

export const catalogue = {
  ...joinFaults,
  ...artifactFaults,
  ...hostFaults,
  ...preflightFaults,
  ...tunnelFaults,
  ...healthFaults,
  ...lineFaults,
  ...eventTexts,
  ...authorityFaults,
  ...approvalFaults,
  ...gatewayFaults,
  ...installerFaults,
  ...monitoringFaults,
  ...upgradeFaults,
} as const satisfies Record<string, CatalogueEntry>;

export type FaultCode = keyof typeof catalogue;
