import type { Config } from '../config/table.ts';
import { ListenError } from '../core/listen-error.ts';
import { formatProblem, type Place, problemAt } from '../schema/problem.ts';

/** The sentence of an error at start or reload; with the place in the configuration where an address cannot be bound. */
export function startProblem(error: unknown, config: Config, placeOf: (path: string) => Place): string {
  if (!(error instanceof ListenError)) return error instanceof Error ? error.message : String(error);
  const index = config.listeners.findIndex(({ name }) => name === error.listener);
  const path = index < 0 ? error.adminKey : `listeners[${index}].listen`;
  return formatProblem(problemAt(placeOf(path), path, error.message));
}
