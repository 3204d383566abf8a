import type { Environment } from '../config/environment.ts';
import type { ConfigFlags, LoadResult } from '../config/load.ts';
import { loadWithParts } from '../config/load-parts.ts';
import type { Config } from '../config/table.ts';
import { systemClock } from '../core/clock.ts';
import { checkSafeRegex } from '../routing/safe-regex.ts';
import { type ConfigProblem, formatProblem } from '../schema/problem.ts';
import { checkBootstrap } from '../xds/client/bootstrap.ts';
import { type CliIo, ExitCode, type OutputFormat } from './io.ts';

export interface ValidateArguments {
  readonly flags: ConfigFlags;
  readonly output: OutputFormat;
}

/** Checks a configuration as `run` would read it. Returns 0 if it is valid, 2 if not. */
export async function validate(
  { flags, output }: ValidateArguments,
  io: CliIo,
  env: Environment,
): Promise<number> {
  const loaded = await loadWithParts({
    flags,
    env,
    checkRegex: checkSafeRegex,
    checkBootstrap,
    clock: systemClock,
  });
  if (output === 'json') io.stdout.write(`${JSON.stringify(jsonOf(loaded), null, 2)}\n`);
  else {
    io.stderr.write(problemLines(loaded.problems ?? [], loaded.warnings));
    const subject = loaded.file ?? 'the configuration';
    if (loaded.config) io.stdout.write(`${subject} is valid: ${contentsOf(loaded.config)}\n`);
    else io.stderr.write(`${subject} has ${count(loaded.problems.length, 'problem')}\n`);
  }
  return loaded.config ? ExitCode.Fine : ExitCode.Usage;
}

/** A line for each warning and problem, as `run` prints them too. */
export function problemLines(problems: readonly ConfigProblem[], warnings: readonly ConfigProblem[]): string {
  return [
    ...warnings.map((warning) => `warning: ${formatProblem(warning)}\n`),
    ...problems.map((problem) => `${formatProblem(problem)}\n`),
  ].join('');
}

function jsonOf(loaded: LoadResult): object {
  const { file = null, warnings, problems = [] } = loaded;
  const plain = (list: readonly ConfigProblem[]): object[] =>
    list.map((problem) => ({ ...problem, text: formatProblem(problem) }));
  return { ok: problems.length === 0, file, problems: plain(problems), warnings: plain(warnings) };
}

function contentsOf({ listeners, clusters }: Config): string {
  const routes = listeners.reduce((sum, listener) => sum + listener.routes.length, 0);
  return `${count(listeners.length, 'listener')}, ${count(routes, 'route')}, ${count(clusters.length, 'cluster')}`;
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
