import { shown } from '../problem.ts';
import type { Complaints, RuleHelp } from './rule.ts';

/** Files that can be read: a certificate that is missing should be told by `validate`, not by the first connection. */
export function filesReadable(
  files: Readonly<Record<string, string | undefined>>,
  path: string,
  complaints: Complaints,
  help: RuleHelp,
): void {
  for (const [key, file] of Object.entries(files)) {
    const wrong = file === undefined ? undefined : help.checkFile(file);
    if (wrong !== undefined) complaints.problem(`${path}.${key}`, `${shown(file)} ${wrong}`);
  }
}
