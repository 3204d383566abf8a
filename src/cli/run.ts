import { readFileBounded } from '../config/config-file.ts';
import type { Environment } from '../config/environment.ts';
import { type ConfigFlags, type LoadResult, loadConfig } from '../config/load.ts';
import { loadWithParts } from '../config/load-parts.ts';
import type { PushedLists } from '../config/pushed.ts';
import type { Config } from '../config/table.ts';
import { keepProcess, systemClock } from '../core/clock.ts';
import { type LineLogger, lineLogger } from '../core/line-logger.ts';
import type { Logger } from '../core/logger.ts';
import { systemRandom } from '../core/random.ts';
import type { PolicyList } from '../policies/compile.ts';
import { checkSafeRegex } from '../routing/safe-regex.ts';
import type { App } from '../runtime/app.ts';
import { startApp } from '../runtime/app.ts';
import { FileWatch, tlsFilesOf } from '../runtime/file-watch.ts';
import { IdleCollector } from '../runtime/idle-collector.ts';
import { startProblem } from '../runtime/listen-problem.ts';
import { cpuMs, disablePretenuring, readMemory, shrinkHeap } from '../runtime/memory.ts';
import type { AppDeps } from '../runtime/parts.ts';
import type { ConfigProblem } from '../schema/problem.ts';
import { checkBootstrap } from '../xds/client/bootstrap.ts';
import { blocksReopenSignal } from './debugger.ts';
import { type CliIo, ExitCode } from './io.ts';
import { warningLine } from './node-warnings.ts';
import type { RunSignals } from './signals.ts';
import { problemLines } from './validate.ts';
import { packageVersion } from './version.ts';

/** Runs the sidecar until it is asked to stop. 0 when every reply was delivered, 1 when not or when it could not start, 2 for a wrong configuration. */
export async function run(
  flags: ConfigFlags,
  io: CliIo,
  env: Environment,
  signals: RunSignals,
): Promise<number> {
  disablePretenuring();
  const input = { flags, env, checkRegex: checkSafeRegex, checkBootstrap };
  const load = (pushed?: PushedLists): Promise<LoadResult> =>
    loadWithParts({ ...input, pushed, clock: systemClock });
  const checkPushed = (pushed: PushedLists): readonly ConfigProblem[] =>
    loadConfig({ ...input, pushed }).problems ?? [];
  const fileConfig = (): Config | undefined => loadConfig(input).config;
  const loaded = await load();
  io.stderr.write(problemLines(loaded.problems ?? [], loaded.warnings));
  if (loaded.config === undefined) return ExitCode.Usage;
  const logger = loggerOf(loaded.config, io);
  let stop: (signal?: NodeJS.Signals) => void = () => {};
  const stopped = new Promise<NodeJS.Signals | undefined>((resolve) => {
    stop = resolve;
  });
  signals.onWarning((warning) => logWarning(warning, logger));
  // A sidecar that is asked to stop while it still starts goes as well.
  signals.onTerminate(stop);
  try {
    const app = await start(loaded.config, logger, env, stop, {
      load,
      checkPushed,
      fileConfig,
      parts: loaded.parts,
      originOf: loaded.originOf,
    });
    signals.onTerminateAgain(() => app.lifecycle.endGrace());
    signals.onHangup(() => {
      app.telemetry.reopenAccessLog();
      void app.reload('SIGHUP');
    });
    signals.onReopenLogs(() => {
      app.telemetry.reopenAccessLog();
      if (app.config.telemetry.accessLog.to.kind !== 'file') logger.info('there is no log file to reopen');
    });
    if (app.config.telemetry.accessLog.to.kind === 'file' && blocksReopenSignal(env))
      logger.warn('Node blocks SIGUSR1 (--disable-sigusr1); send SIGHUP to reopen the access log');
    const watch = watchConfig(app, loaded.file);
    const idle = new IdleCollector({
      clock: systemClock,
      calls: () => app.calls(),
      cpuMs,
      memory: readMemory,
      shrinkHeap,
    });
    idle.start();
    // What no seam caught, of a timer for one. Ending would cost every call of the process, and those it had no part in.
    signals.onUncaught((error) => app.internalErrors.caught('elsewhere', error));
    const signal = await stopped;
    watch?.stop();
    idle.stop();
    // After a hand-over no socket of ours may be left to keep it until the drain is over.
    const kept = keepProcess();
    const drained = app.stop();
    // It comes from a person at a terminal.
    if (signal === 'SIGINT') app.lifecycle.skipDelay();
    const { cut, undelivered } = await drained;
    kept.cancel();
    return cut + undelivered === 0 ? ExitCode.Fine : ExitCode.Failed;
  } catch (error) {
    logger.error(`cannot start: ${startProblem(error, loaded.config, loaded.placeOf)}`);
    return ExitCode.Failed;
  }
}

/** Reloads when a file has changed, if that was asked for and there is one. */
function watchConfig(app: App, file: string | undefined): FileWatch | null {
  const { watch, intervalMs } = app.config.reload;
  if (!watch || file === undefined) return null;
  const files = (): string[] => [file, ...tlsFilesOf(app.config), ...app.policyFiles()];
  return new FileWatch(files, intervalMs, systemClock, () => void app.reload('a file has changed'));
}

/** Starts a sidecar in this process, with the system's clock and randomness. */
export async function start(
  config: Config,
  logger: LineLogger,
  env: Environment,
  onQuit: () => void,
  more: Pick<AppDeps, 'load' | 'checkPushed' | 'fileConfig' | 'parts' | 'originOf'> = {},
): Promise<App> {
  // A sidecar that takes over from another one may wait for it before it has a socket of its own.
  const kept = keepProcess();
  try {
    return await startApp(config, {
      clock: systemClock,
      random: systemRandom(),
      logger,
      env,
      version: packageVersion(),
      onQuit,
      ...more,
    });
  } finally {
    kept.cancel();
  }
}

/** A configuration in the shape of the file, checked as a file would be. Throws with every problem. */
export function configOf(raw: object, policies?: PolicyList): Config {
  const loaded: LoadResult = loadConfig({
    flags: { config: 'configuration' },
    env: {},
    checkRegex: checkSafeRegex,
    policies,
    readFile: (path, bytesMax) =>
      path === 'configuration'
        ? { value: Buffer.from(JSON.stringify(raw)) }
        : readFileBounded(path, bytesMax),
  });
  if (loaded.config === undefined) throw new Error(problemLines(loaded.problems, []));
  return loaded.config;
}

/** Writes a warning of Node to our log, in our words. */
export function logWarning(warning: Error, logger: Logger): void {
  const { level, message, facts } = warningLine(warning);
  logger[level](message, facts);
}

export function loggerOf(config: Config, io: CliIo): LineLogger {
  return lineLogger({
    ...config.log,
    clock: systemClock,
    write: (line) => void io.stderr.write(line),
    waitingChars: () => io.stderr.writableLength ?? 0,
  });
}
