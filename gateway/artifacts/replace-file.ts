// Writing a file of a store: beside its place, then renamed, so that whoever reads it has
// the old or the new one whole.
import { rename, rm } from 'node:fs/promises';

export async function replaceFile(path: string, write: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${path}.${process.pid}.part`;
  try {
    await write(temporary);
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}
