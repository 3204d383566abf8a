import { fileOfConfig, shownFileOfConfig } from '../config/load.ts';
import type { Config } from '../config/table.ts';
import { type ConfigProblem, type Place, problemAt, shown } from '../schema/problem.ts';

/**
 * What only a start can change. The admin server is who answers a reload; exporters and metrics live as long as the
 * process; `limits` is what connections that are open already were measured by; `reload` is whether anybody looks;
 * sockets are bound as shared (`drain.handover`) or not; a process does not change its `zone`.
 */
const fixedKeys = ['admin', 'telemetry', 'limits', 'log.format', 'reload', 'drain.handover', 'zone'];

/** A problem for each changed key that takes a restart: a reload that left it out in silence would be half a reload. */
export function fixedKeyProblems(
  before: Config,
  after: Config,
  placeOf: (path: string) => Place,
): ConfigProblem[] {
  const was = leavesOf(fileOfConfig(before));
  const is = leavesOf(fileOfConfig(after));
  const shownBefore = leavesOf(shownFileOfConfig(before));
  const shownAfter = leavesOf(shownFileOfConfig(after));
  const problems: ConfigProblem[] = [];
  for (const path of new Set([...was.keys(), ...is.keys()])) {
    if (!fixedKeys.some((key) => path === key || path.startsWith(`${key}.`))) continue;
    const [from, to] = [was.get(path), is.get(path)];
    if (JSON.stringify(from) === JSON.stringify(to)) continue;
    const change = `was ${told(shownBefore.get(path))} and is now ${told(shownAfter.get(path))}, which takes a restart`;
    problems.push(problemAt(placeOf(path), path, `${change}; restart, or leave it as it was`));
  }
  return problems;
}

function told(value: unknown): string {
  return value === undefined ? 'not there' : shown(value);
}

/** Values by path; a list is one value. */
function leavesOf(value: unknown, path = '', leaves = new Map<string, unknown>()): Map<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) leaves.set(path, value);
  else
    for (const [key, child] of Object.entries(value))
      leavesOf(child, path === '' ? key : `${path}.${key}`, leaves);
  return leaves;
}
