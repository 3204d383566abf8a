import { nearestName } from '../core/nearest.ts';
import { listed, shown } from '../schema/problem.ts';

/** Returns the error message for a word that is not the name of a command. */
export function unknownCommand(name: string, names: readonly string[]): string {
  if (name.startsWith('-')) {
    const near = nearestName(name.replace(/^-+/, ''), ['help', 'version']);
    if (name === '-v') return `"-v" is not a flag; did you mean -V?`;
    if (near !== undefined) return `${shown(name)} is not a flag; did you mean --${near}?`;
  }
  if (name.startsWith('-')) return `${shown(name)} must follow a command; write outrigger run ${name} …`;
  const near = nearestName(name, names);
  return `${shown(name)} is not a command; ${near === undefined ? `write one of ${listed(names)}` : `did you mean ${near}?`}`;
}
