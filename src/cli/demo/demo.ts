import { type Address, formatAddress } from '../../core/address.ts';
import { type Child, startChild } from './children.ts';
import { Fleet } from './fleet.ts';
import type { LoadFigures } from './load.ts';
import { isPortFree } from './ports.ts';
import { type DemoReplica, introduction, secondLine, summary } from './report.ts';

/** The sidecar as the demo needs it; `src/runtime/app.ts` gives it. */
export interface DemoSidecar {
  listenerAddress(name: string): Address;
  /** `http://host:port`, with no slash at the end. */
  readonly adminUrl: string;
  /** Drains: how many calls it terminated and how many finished meanwhile. */
  stop(): Promise<{ readonly cut: number; readonly finished: number }>;
}

export interface DemoDeps {
  /** Takes a configuration in the shape of the YAML file. Resolves once it serves. */
  startSidecar(config: Record<string, unknown>): Promise<DemoSidecar>;
  readonly stdout: { write(text: string): unknown };
  /** How long, else until Ctrl-C; before `DEMO_SECONDS`. */
  readonly seconds?: number;
  /** Where the page shall be, `host:port`; else 127.0.0.1:15000, or a free port where that is taken. */
  readonly admin?: string;
  /** `DEMO_SECONDS`: how long, else until Ctrl-C. `DEMO_RATE`: calls a second. The child processes inherit all of it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** For tests: from the end of a replica to its restart, milliseconds. */
  readonly restartAfterMs?: number;
  /** Registers for Ctrl-C and the like. */
  onInterrupt(interrupted: () => void): void;
}

const adminPort = 15000;
const listenerPort = 15001;
/** At this rate the slow replica is seen to get far less than its weight, and the load stays modest. */
const defaultCallsPerSecond = 400;
const callsPerSecondMax = 2000;

/** Long enough to see the others take over, short enough to wait for. */
const defaultRestartAfterMs = 3000;

/**
 * The whole product in one command: three replicas and a client in processes of their own, the sidecar in this one.
 * Resolves with the exit code: 0, or 1 if it did not start, or if a call failed although no replica was killed.
 */
export async function runDemo(deps: DemoDeps): Promise<number> {
  const settings = readSettings(deps);
  if (typeof settings === 'string') {
    deps.stdout.write(`${settings}\n`);
    return 2;
  }
  const interrupt = new AbortController();
  deps.onInterrupt(() => interrupt.abort());
  const { restartAfterMs = defaultRestartAfterMs } = deps;
  const print = (line: string) => void deps.stdout.write(`${line}\n`);
  const children: Child[] = [];
  let fleet: Fleet | undefined;
  let sidecar: DemoSidecar | undefined;
  try {
    fleet = await Fleet.start({ env: deps.env, print, restartAfterMs });
    const { replicas } = fleet;
    sidecar = await deps.startSidecar(await sidecarConfig(deps, replicas));
    const listener = formatAddress(sidecar.listenerAddress('demo'));
    const { callsPerSecond } = settings;
    print(introduction(replicas, { adminUrl: sidecar.adminUrl, listener, callsPerSecond, restartAfterMs }));
    const total = await runLoad(
      { target: listener, ...settings, env: deps.env },
      children,
      interrupt.signal,
      (second, figures) => print(secondLine(second, figures, replicas)),
    );
    deps.stdout.write(summary(total, replicas, fleet.lost));
    return exitCodeOf(total, fleet.lost);
  } catch (error) {
    print(`The demo could not run: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    await sidecar?.stop();
    await Promise.all([fleet?.end(), ...children.map((child) => child.end())]);
  }
}

/** Calls fail with a replica that somebody kills, as the demo invites to; any other failure is one of the demo. */
function exitCodeOf({ calls, errors }: LoadFigures, lost: number): number {
  return calls > 0 && (errors === 0 || lost > 0) ? 0 : 1;
}

interface DemoSettings {
  /** Infinity without DEMO_SECONDS. */
  readonly seconds: number;
  readonly callsPerSecond: number;
}

/** The settings, or a sentence about what is wrong with them. */
function readSettings({ env, seconds: asked }: DemoDeps): DemoSettings | string {
  const seconds = asked ?? Number(env.DEMO_SECONDS || Number.POSITIVE_INFINITY);
  const callsPerSecond = Number(env.DEMO_RATE || defaultCallsPerSecond);
  if (!(seconds >= 1))
    return `DEMO_SECONDS is "${asked ?? env.DEMO_SECONDS}"; write a number of seconds, 1 or more`;
  if (!(callsPerSecond >= 1 && callsPerSecond <= callsPerSecondMax))
    return `DEMO_RATE is "${env.DEMO_RATE}"; write calls a second, from 1 to ${callsPerSecondMax}`;
  return { seconds, callsPerSecond };
}

/** The configuration a user would write for this fleet, on the documented ports where they are free. */
async function sidecarConfig(
  deps: DemoDeps,
  replicas: readonly DemoReplica[],
): Promise<Record<string, unknown>> {
  const listen = async (port: number, what: string): Promise<string> => {
    if (await isPortFree(port)) return `127.0.0.1:${port}`;
    deps.stdout.write(`Port ${port} is taken: the ${what} gets a free one.\n`);
    return '127.0.0.1:0';
  };
  return {
    admin: { listen: deps.admin ?? (await listen(adminPort, 'admin page')) },
    listeners: [
      {
        name: 'demo',
        listen: await listen(listenerPort, 'gRPC listener'),
        routes: [{ name: 'greeter', cluster: 'greeter' }],
      },
    ],
    clusters: [
      {
        name: 'greeter',
        protocol: 'http2',
        endpoints: replicas.map(({ address, weight }) => ({ address, weight })),
        health: { grpc: { service: '' }, interval: '1s', timeout: '500ms' },
      },
    ],
    telemetry: { serviceName: 'outrigger-demo' },
    drain: { delay: '0s' }, // no load balancer has to be waited for
  };
}

/** Runs the load until the time is up or Ctrl-C, and gives what the client saw. */
function runLoad(
  settings: DemoSettings & { readonly target: string; readonly env: DemoDeps['env'] },
  children: Child[],
  interrupted: AbortSignal,
  onSecond: (second: number, figures: LoadFigures) => void,
): Promise<LoadFigures> {
  return new Promise((resolve, reject) => {
    let second = 0;
    let over = false;
    const { target, callsPerSecond, env } = settings;
    const load = startChild(
      { role: 'load', load: { target, callsPerSecond } },
      env,
      (message) => {
        if (message.kind === 'total') {
          over = true;
          resolve(message.figures);
        }
        // The load counts its last, begun second too; after the sum nobody wants to read of it.
        if (message.kind !== 'second' || over || second >= settings.seconds) return;
        onSecond(++second, message.figures);
        if (second >= settings.seconds) load.send('stop');
      },
      (how) => reject(new Error(`the load generator ended (${how})`)),
    );
    children.push(load);
    if (interrupted.aborted) load.send('stop');
    interrupted.addEventListener('abort', () => load.send('stop'), { once: true });
  });
}
