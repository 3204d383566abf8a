import { formatProblem } from '../schema/problem.ts';
import type { ConfigurationProblem } from './sidecar.ts';

/** A configuration that cannot be applied. The message has a line for each problem, as `outrigger validate` prints them. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  readonly problems: readonly ConfigurationProblem[];

  constructor(problems: readonly ConfigurationProblem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.problems = problems;
  }
}
