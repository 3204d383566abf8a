import { packageVersion } from '../cli/version.ts';
import { formatAddress } from '../core/address.ts';
import { keepProcess, systemClock, waitFor } from '../core/clock.ts';
import { type LineLogger, lineLogger } from '../core/line-logger.ts';
import { systemRandom } from '../core/random.ts';
import { type App, startApp } from '../runtime/app.ts';
import { startProblem } from '../runtime/listen-problem.ts';
import type { AppDeps } from '../runtime/parts.ts';
import { formatProblem } from '../schema/problem.ts';
import { type Loaded, loadConfiguration, withFreePorts } from './load.ts';
import type { DrainSummary, Sidecar, SidecarConfig, SidecarOptions } from './sidecar.ts';

/** How long `ready` waits if its caller does not say, milliseconds. */
const readyTimeoutMsDefault = 10_000;
/** How often `ready` checks, milliseconds. */
const readyCheckMs = 10;

/**
 * Starts a sidecar in this process, for tests. Resolves when it listens.
 *
 *     const sidecar = await startSidecar({
 *       listeners: [{ name: 'in', listen: '127.0.0.1:0', routes: [{ name: 'all', cluster: 'orders' }] }],
 *       clusters: [{ name: 'orders', endpoints: [{ address: '127.0.0.1:50051' }] }],
 *     });
 *     await sidecar.ready();
 *     // … calls to sidecar.address()
 *     await sidecar.close();
 *
 * `config` is what a configuration file contains, or the path of a file. An admin API whose address is not configured gets a free port.
 * The sidecar listens to no signal, never ends the process, does not watch its memory, and registers nothing globally with
 * OpenTelemetry. Several sidecars may run at once. Until it is closed, its sockets keep the process alive.
 *
 * Rejects with a `ConfigurationError` if the configuration is wrong, and with an `Error` that says what to do if the sidecar cannot
 * start, for example because an address is in use. Nothing is left behind then.
 */
export async function startSidecar(
  config: SidecarConfig | string,
  options: SidecarOptions = {},
): Promise<Sidecar> {
  const { signal, env = {}, log = () => {}, freePorts = false } = options;
  signal?.throwIfAborted();
  return keepingProcess(async () => {
    const loaded = await loadConfiguration(config, env);
    const logger = lineLogger({
      ...loaded.config.log,
      clock: systemClock,
      write: (line) => log(line.trimEnd()),
    });
    for (const warning of loaded.warnings) logger.warn(formatProblem(warning));
    let quit = (): void => {};
    const app = await start(withPorts(loaded, freePorts), { logger, env, onQuit: () => quit() });
    const sidecar = sidecarOf(app, signal);
    quit = () => void sidecar.close();
    if (signal?.aborted) {
      await sidecar.close();
      throw signal.reason;
    }
    return sidecar;
  });
}

function withPorts(loaded: Loaded, all: boolean): Loaded {
  return { ...loaded, config: withFreePorts(loaded, all) };
}

async function start(
  { config, placeOf, parts, originOf }: Loaded,
  given: Pick<AppDeps, 'env' | 'onQuit'> & { readonly logger: LineLogger },
): Promise<App> {
  try {
    return await startApp(config, {
      ...given,
      clock: systemClock,
      random: systemRandom(),
      version: packageVersion(),
      parts,
      originOf,
      // The memory of the process belongs to the program around the sidecar: a large test is no reason to refuse calls.
      readMemory: () => ({ residentBytes: 0, heapBytes: 0, heldBytes: 0 }),
    });
  } catch (error) {
    throw new Error(startProblem(error, config, placeOf), { cause: error });
  }
}

function sidecarOf(app: App, signal: AbortSignal | undefined): Sidecar {
  const addresses = new Map(
    app.config.listeners.map(({ name }) => [name, formatAddress(app.listenerAddress(name))]),
  );
  let closing: Promise<void> | null = null;
  const onAbort = (): void => void close();
  const close = (): Promise<void> => {
    closing ??= keepingProcess(async () => {
      signal?.removeEventListener('abort', onAbort);
      app.lifecycle.endGrace('close was called');
      await app.stop();
    });
    return closing;
  };
  signal?.addEventListener('abort', onAbort);
  return {
    addresses,
    address(listener = app.config.listeners[0]?.name) {
      const address = addresses.get(listener);
      if (address !== undefined) return address;
      throw new Error(
        `no listener is named ${JSON.stringify(listener)}; use ${[...addresses.keys()].join(', ')}`,
      );
    },
    adminUrl: adminUrlOf(app),
    ready: ({ timeoutMs = readyTimeoutMsDefault } = {}) =>
      keepingProcess(() => waitUntilReady(app, timeoutMs)),
    drain: () => keepingProcess(() => drain(app)),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function adminUrlOf({ admin: { address, usesTls } }: App): string {
  const text = formatAddress(address);
  return address.kind === 'unix' ? text : `${usesTls ? 'https' : 'http'}://${text}`;
}

async function waitUntilReady(app: App, timeoutMs: number): Promise<void> {
  const untilMs = systemClock.now() + timeoutMs;
  for (;;) {
    if (app.lifecycle.state === 'draining')
      throw new Error('the sidecar is not ready: it drains or was closed');
    const { reasons, degradedReasons } = app.readiness();
    const missing = [...reasons, ...degradedReasons];
    if (missing.length === 0) return;
    if (systemClock.now() >= untilMs)
      throw new Error(`the sidecar is not ready after ${timeoutMs} ms: ${missing.join('; ')}`);
    await waitFor(systemClock, readyCheckMs);
  }
}

async function drain(app: App): Promise<DrainSummary> {
  // Null where somebody cancelled the drain over the admin API.
  const { finished = 0, cut = 0 } = (await app.drain()) ?? {};
  return { finished, terminated: cut };
}

/** The timers of the sidecar keep no process, and once its sockets are closed nothing else might: the caller still waits. */
async function keepingProcess<T>(run: () => Promise<T>): Promise<T> {
  const kept = keepProcess();
  try {
    return await run();
  } finally {
    kept.cancel();
  }
}
