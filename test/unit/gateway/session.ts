// A tunnel session in memory: what is sent to the agent is kept, what the agent says is called in.
import type { ControlMessage } from '../../../protocol/messages/control.ts';
import type { SessionState, TunnelSession } from '../../../protocol/messages/session.ts';

export interface FakeSession extends TunnelSession {
  readonly sent: ControlMessage[];
  become(state: SessionState): void;
  say(message: ControlMessage): void;
}

export function fakeSession(): FakeSession {
  let state: SessionState = 'Open';
  const stateListeners: ((state: SessionState) => void)[] = [];
  const controlListeners: ((message: ControlMessage) => void)[] = [];
  const sent: ControlMessage[] = [];
  return {
    get state() {
      return state;
    },
    telemetry: { sendBatch: () => false, setHeartbeat: () => {}, onAcknowledgement: () => {} },
    openStream: () => Promise.reject(new Error('no streams here')),
    sendControl: (message) => void sent.push(message),
    onControl: (listener) => void controlListeners.push(listener),
    onStateChange: (listener) => void stateListeners.push(listener),
    sent,
    become(next) {
      state = next;
      for (const listener of stateListeners) listener(next);
    },
    say(message) {
      for (const listener of controlListeners) listener(message);
    },
  };
}
