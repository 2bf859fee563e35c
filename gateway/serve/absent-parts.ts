// Stand-ins while the tunnel and the telemetry intake are on their way.
import type { Hub, Intake } from './parts.ts';

export function absentHub(): Hub {
  return {
    handleUpgrade: (_request, socket) => socket.destroy(),
    session: () => undefined,
    onSession: () => {},
    onTelemetry: () => {},
    onHeartbeat: () => {},
    acknowledgeTelemetry: () => {},
    close: () => {},
    drain: () => Promise.resolve(),
  };
}

export function absentIntake(): Intake {
  return {
    accept: () => undefined,
    heartbeat: () => {},
    renderMetrics: () => '',
    latest: () => undefined,
    forget: () => {},
  };
}
