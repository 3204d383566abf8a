import type { Environment } from '../../config/environment.ts';
import type { ConfigFlags } from '../../config/load.ts';
import { loadWithParts } from '../../config/load-parts.ts';
import type { Config } from '../../config/table.ts';
import { keepProcess, systemClock } from '../../core/clock.ts';
import { pluralize } from '../../core/pluralize.ts';
import { checkSafeRegex } from '../../routing/safe-regex.ts';
import { formatProblem } from '../../schema/problem.ts';
import { checkBootstrap } from '../../xds/client/bootstrap.ts';
import { askAdmin } from '../admin-client.ts';
import { type AskArguments, adminTarget } from '../admin-target.ts';
import { type CliIo, ExitCode } from '../io.ts';
import { reportFailure } from '../report-failure.ts';
import { print } from '../styles.ts';
import { problemLines } from '../validate.ts';
import { checkReport, checkText } from './check-text.ts';
import { checkClusters } from './clusters.ts';
import { type Finding, Findings } from './finding.ts';
import type { CheckDeps } from './limits.ts';
import { checkListeners } from './listeners.ts';
import { checkMachine, machineFacts } from './machine.ts';
import { checkSidecar } from './sidecar.ts';

export interface CheckArguments extends AskArguments {
  /** The configuration to check before a sidecar runs; undefined for a running sidecar. */
  readonly config: ConfigFlags | undefined;
  /** For each check, milliseconds. */
  readonly timeoutMs: number;
}

/**
 * Checks a configuration before the sidecar runs, or a running sidecar. Returns 0 if nothing failed, 1 if a check
 * failed, 2 if the command line or the configuration is wrong, 3 if no sidecar answers.
 */
export async function check(args: CheckArguments, io: CliIo, env: Environment): Promise<number> {
  // Timers alone keep no process alive, and a server that does not answer leaves nothing but timers.
  const kept = keepProcess();
  try {
    const deps = { clock: systemClock, timeoutMs: args.timeoutMs };
    return await (args.config === undefined
      ? checkRunning(args, deps, io, env)
      : checkConfiguration(args, args.config, deps, io, env));
  } finally {
    kept.cancel();
  }
}

async function checkRunning(
  args: CheckArguments,
  deps: CheckDeps,
  io: CliIo,
  env: Environment,
): Promise<number> {
  const target = adminTarget(args, env);
  if (target.error !== undefined) {
    io.stderr.write(`${target.error}\n`);
    return ExitCode.Usage;
  }
  const found = await checkSidecar(target.value, deps);
  if (found.error !== undefined) {
    const code = reportFailure(found, io);
    io.stderr.write(
      'to check a configuration before the sidecar runs, write outrigger check --config FILE\n',
    );
    return code;
  }
  return report(found.value, args, io);
}

async function checkConfiguration(
  args: CheckArguments,
  flags: ConfigFlags,
  deps: CheckDeps,
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
  if (loaded.config === undefined) {
    const subject = loaded.file ?? 'the configuration';
    io.stderr.write(problemLines(loaded.problems, loaded.warnings));
    io.stderr.write(`${subject} has ${pluralize(loaded.problems.length, 'problem')}\n`);
    return ExitCode.Usage;
  }
  const found = new Findings(`configuration ${loaded.file ?? ''}`.trim());
  const { listeners, clusters } = loaded.config;
  found.ok(
    'configuration',
    `valid: ${pluralize(listeners.length, 'listener')}, ${pluralize(clusters.length, 'cluster')}`,
  );
  for (const warning of loaded.warnings) found.warning('configuration', ...halves(formatProblem(warning)));
  const [onListeners, onClusters] = await Promise.all([
    ownerOf(loaded.config).then((owner) => checkListeners(loaded.config, deps, owner)),
    checkClusters(loaded.config, deps, env),
  ]);
  const onMachine = checkMachine(loaded.config, machineFacts(deps.clock.wallMs()));
  return report([...found.list, ...onMachine, ...onListeners, ...onClusters], args, io);
}

/** A sentence of the configuration loader: what is wrong; what to do. */
function halves(text: string): [string, string] {
  const [what, ...fix] = text.split('; ');
  return [what, fix.join('; ') || 'see docs/configuration.md'];
}

/** The sidecar that already runs on the admin address of the configuration, if there is one. */
async function ownerOf({ admin }: Config): Promise<string | undefined> {
  const { value } = await askAdmin({ address: admin.listen }, '/server_info');
  const pid = (value as { readonly pid?: unknown } | undefined)?.pid;
  return typeof pid === 'number' ? `the running sidecar (pid ${pid})` : undefined;
}

function report(findings: readonly Finding[], { output }: CheckArguments, io: CliIo): number {
  const result = checkReport(findings);
  if (output === 'json') io.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  else print(io, checkText(result, io.screen?.hasStyles === true));
  return result.ok ? ExitCode.Fine : ExitCode.Failed;
}
