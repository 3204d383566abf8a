import { join } from 'node:path';
import { cacheDir, installed } from '../programs.ts';

const version = 'v1.0.7';
const names = ['connectconformance', 'referenceclient', 'referenceserver', 'grpcclient', 'grpcserver'];

/** The folder of the suite's programs, built into the user's cache on first use; null with the reason said. */
export function connectPrograms(): string | null {
  const folder = join(cacheDir, `connectconformance-${version}`);
  for (const name of names) {
    const target = `connectrpc.com/conformance/cmd/${name}@${version}`;
    const recipe = { folder, path: name, command: ['go', 'install', target], env: { GOBIN: folder } };
    if (installed(name, recipe) === null) return null;
  }
  return folder;
}
