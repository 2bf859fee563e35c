// The package has no types of its own. Both functions are native where there is a build for the platform.
declare module 'bufferutil' {
  const bufferutil: {
    mask(source: Buffer, mask: Buffer, output: Buffer, offset: number, length: number): void;
    unmask(buffer: Buffer, mask: Buffer): void;
  };
  export default bufferutil;
}
