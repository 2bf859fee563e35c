// The same plain websocket for all contenders.

export const websocketOptions = {
  perMessageDeflate: false,
  maxPayload: 128 * 1024,
  skipUTF8Validation: true,
} as const;
