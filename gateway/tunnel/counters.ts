// What the gateway counts about its tunnels, for the metrics page.

export interface HubCounters {
  sessionsBegun: number;
  resumptions: number;
  /** Another process with the same certificate replaced the session: a restart, or a copied machine. */
  takeovers: number;
  staleConnections: number;
  handshakesFailed: number;
  upgradesRefused: number;
  violations: number;
}

export const newHubCounters = (): HubCounters => ({
  sessionsBegun: 0,
  resumptions: 0,
  takeovers: 0,
  staleConnections: 0,
  handshakesFailed: 0,
  upgradesRefused: 0,
  violations: 0,
});
