// The far end of the telemetry benchmark, a process of its own: a websocket server that takes batches into a
// real intake (/batches) or parses one JSON message per record, acknowledged one by one or in groups
// (/messages/GROUP). It tells its port, and at the end what it took.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { TelemetryIntake } from '../../../gateway/telemetry/intake.ts';
import { defaultTelemetryLimits } from '../../../gateway/telemetry/limits.ts';
import { websocketOptions } from './websocket-options.ts';

const unlimited = { ...defaultTelemetryLimits, bytesPerSecond: 2 ** 40, burstBytes: 2 ** 40 };

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, ...websocketOptions });
server.on('connection', (websocket, request) => {
  if (request.url === '/batches') takeBatches(websocket);
  else takeMessages(websocket, Number(request.url?.split('/').pop()));
});
await once(server, 'listening');
process.send?.({ port: (server.address() as AddressInfo).port });
process.on('disconnect', () => process.exit(0));

function takeBatches(websocket: WebSocket): void {
  const intake = new TelemetryIntake({ poolOf: () => 'bench', limits: unlimited });
  websocket.on('message', (payload: Buffer) => {
    const acknowledgement = intake.accept('bench', payload);
    if (acknowledgement !== undefined) websocket.send(acknowledgement);
  });
  websocket.on('close', () => {
    const { records, duplicates, unexplained, reportedLost } = intake.self;
    process.send?.({ records, duplicates, unexplained, reportedLost });
  });
}

function takeMessages(websocket: WebSocket, messagesPerAnswer: number): void {
  const latest = new Map<number, readonly number[]>();
  let records = 0;
  websocket.on('message', (payload: Buffer) => {
    const message = JSON.parse(payload.toString()) as { schema: number; values: readonly number[] };
    latest.set(message.schema, message.values);
    records += 1;
    if (records % messagesPerAnswer === 0) websocket.send(JSON.stringify({ acknowledged: records }));
  });
  websocket.on('close', () => process.send?.({ records, duplicates: 0, unexplained: 0, reportedLost: 0 }));
}
