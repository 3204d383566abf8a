import type { Clock } from '../core/clock.ts';

/** Signals of the process, injected so that a test need not send them. */
export interface RunSignals {
  /** The first of SIGTERM, SIGINT and SIGQUIT, by name: drain. Called at once where it has come already. */
  onTerminate(stop: (signal?: NodeJS.Signals) => void): void;
  /** A further one of them, `repeatAfterMs` after the first or later: end what is left of the drain now. */
  onTerminateAgain(endNow: () => void): void;
  /** SIGHUP: reopens the log files and reloads the configuration. */
  onHangup(reload: () => void): void;
  /** SIGUSR1: reopens the log files. */
  onReopenLogs(reopen: () => void): void;
  /** A warning of Node, those of the start included. */
  onWarning(report: (warning: Error) => void): void;
  /** An exception that nobody caught. */
  onUncaught(report: (error: unknown) => void): void;
}

/**
 * Sooner than this, a second signal is the first one again: `timeout`, npm and terminals signal a process and its process
 * group, so that one request to stop comes twice. Milliseconds.
 */
export const repeatAfterMs = 1000;

/** What `processSignals` needs of `process`. */
export interface SignalSource {
  on(event: NodeJS.Signals, listener: () => void): unknown;
  on(event: 'uncaughtException', listener: (error: unknown) => void): unknown;
}

/**
 * Takes over the signals from this moment on, so that none that comes while the program still loads ends it or is lost.
 * Every listener stays for the life of the process: without one Node or the system would act on the signal.
 */
export function processSignals(source: SignalSource, clock: Clock): Omit<RunSignals, 'onWarning'> {
  const nothing = (): void => {};
  let terminated: { readonly by: NodeJS.Signals; readonly atMs: number } | null = null;
  let stop: (signal: NodeJS.Signals) => void = nothing;
  let endNow = nothing;
  let reload = nothing;
  let reopen = nothing;
  const terminate = (signal: NodeJS.Signals): void => {
    const nowMs = clock.now();
    if (terminated === null) {
      terminated = { by: signal, atMs: nowMs };
      stop(signal);
    } else if (nowMs - terminated.atMs >= repeatAfterMs) endNow();
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) source.on(signal, () => terminate(signal));
  source.on('SIGHUP', () => reload());
  source.on('SIGUSR1', () => reopen());
  return {
    onTerminate(listener) {
      stop = listener;
      if (terminated !== null) stop(terminated.by);
    },
    onTerminateAgain(listener) {
      endNow = listener;
    },
    onHangup(listener) {
      reload = listener;
    },
    onReopenLogs(listener) {
      reopen = listener;
    },
    onUncaught: (listener) => void source.on('uncaughtException', listener),
  };
}
