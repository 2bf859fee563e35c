// The release of the gateway and regnodectl.
export const gatewayVersion = '0.1.0';
