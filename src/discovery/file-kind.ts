import { stat } from 'node:fs/promises';
import type { Result } from '../core/result.ts';
import { shown } from '../schema/problem.ts';
import { duration, text } from '../schema/scalar-type.ts';
import { key, optionalSection } from '../schema/shape.ts';
import { FileSource } from './file.ts';
import { discoveryKind } from './kinds.ts';

/** `discovery.file`: a file that lists endpoints, and that may change at any time. */
export const fileDiscovery = discoveryKind({
  name: 'file',
  schema: optionalSection(
    {
      doc: 'YAML or JSON file with a list `endpoints`, in the same format as in a cluster. The file can be changed in place, replaced, or be a symbolic link. While the file has an error, Outrigger keeps the last good list.',
      example: '{ path: endpoints.yaml }',
    },
    {
      path: key(text({ label: 'file', charsMax: 4096 }), { required: true, doc: 'Path of the file.' }),
      interval: key(duration({ min: '10ms', max: '1h' }), {
        default: '1s',
        doc: 'How often Outrigger checks the file for changes.',
      }),
    },
  ),

  check({ path }, { readFile, warning }) {
    // The file may be written by a program that starts later.
    const wrong = path === undefined ? undefined : readFile(path).error;
    if (wrong !== undefined) warning('.path', `${shown(path)} ${wrong}`);
  },

  create({ path, intervalMs }, deps) {
    const file = { path, read: () => deps.readEndpointFile(path), signature: () => stateOf(path) };
    return new FileSource(file, intervalMs, deps);
  },
});

/** What distinguishes one state of a file from another: the file itself, when it was changed, its length. */
async function stateOf(path: string): Promise<Result<string>> {
  try {
    const { dev, ino, mtimeNs, ctimeNs, size } = await stat(path, { bigint: true });
    return { value: [dev, ino, mtimeNs, ctimeNs, size].join(' ') };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const missing = code === 'ENOENT' || code === 'ENOTDIR';
    return {
      error: missing
        ? 'does not exist; write the path of a file that lists endpoints'
        : `cannot be read (${code})`,
    };
  }
}
