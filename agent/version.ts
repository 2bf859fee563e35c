// The agent's own version, as it is told to the gateway and shown by `regnode version`. Kept equal to
// package.json by a unit test.
export const agentVersion = '0.1.0';
