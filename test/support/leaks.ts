import type { ChildProcess } from 'node:child_process';
import type { Socket as UdpSocket } from 'node:dgram';
import { subscribe } from 'node:diagnostics_channel';
import type { Server, Socket } from 'node:net';

/**
 * Mocha root hooks (package.json "mocha.require"): after each top-level `describe` nothing that it made may be left: no
 * socket, listening server, child process, or timer of the system clock, unreferenced ones included. What is left is
 * named with the line that made it, and fails that `describe`.
 */

/** What is on its way out when the tests end (a FIN to answer, an exit to be reported) has this long; poll cheaply. */
const graceMs = Number(process.env.LEAK_GRACE_MS ?? 2000);
const pollMs = 10;

interface Tracked {
  /** What it is, asked for when it is reported. */
  readonly name: () => string;
  readonly alive: () => boolean;
  readonly stack: string;
}

const tracked = new Set<Tracked>();

function track(name: () => string, alive: () => boolean): void {
  tracked.add({ name, alive, stack: new Error().stack ?? '' });
}

function trackSocket(socket: Socket): void {
  track(
    () =>
      `a socket, ${socket.localAddress ?? ''}:${socket.localPort ?? ''} to ${socket.remoteAddress ?? '?'}:${socket.remotePort ?? ''}`,
    () => !socket.destroyed,
  );
}

subscribe('net.client.socket', (message) => trackSocket((message as { socket: Socket }).socket));
subscribe('net.server.socket', (message) => trackSocket((message as { socket: Socket }).socket));
subscribe('tracing:net.server.listen:asyncStart', (message) => {
  const { server } = message as { server: Server };
  track(
    () => `a server listening on ${JSON.stringify(server.address())}`,
    () => server.listening,
  );
});
subscribe('udp.socket', (message) => {
  const { socket } = message as { socket: UdpSocket };
  let isOpen = true;
  socket.once('close', () => {
    isOpen = false;
  });
  track(
    () => 'a UDP socket',
    () => isOpen,
  );
});
subscribe('child_process', (message) => {
  const child = (message as { process: ChildProcess }).process;
  track(
    () => `a process, ${child.spawnargs.join(' ')}`,
    () => child.exitCode === null && child.signalCode === null && child.pid !== undefined,
  );
});

// Every timer of src/ comes from src/core/clock.ts (`make check`), so those of libraries need no looking at.
const { setTimeout: startTimer, clearTimeout: stopTimer } = globalThis;
const running = new WeakSet<object>();
globalThis.setTimeout = Object.assign(
  (callback: (...args: unknown[]) => void, delayMs?: number, ...args: unknown[]) => {
    const timer = startTimer(
      (...given: unknown[]) => {
        running.delete(timer);
        callback(...given);
      },
      delayMs,
      ...args,
    );
    if (new Error().stack?.includes('/src/core/clock.ts')) {
      running.add(timer);
      track(
        () => `a timer of ${delayMs} ms`,
        () => running.has(timer),
      );
    }
    return timer;
  },
  { __promisify__: startTimer.__promisify__ },
) as typeof globalThis.setTimeout;
globalThis.clearTimeout = ((timer) => {
  if (typeof timer === 'object' && timer !== null) running.delete(timer);
  stopTimer(timer);
}) as typeof globalThis.clearTimeout;

/** What is left of what was tracked, after grace; it is forgotten, so that only who left it is blamed. */
async function takeLeaks(): Promise<string[]> {
  const left = (): Tracked[] => {
    for (const item of tracked) if (!item.alive()) tracked.delete(item);
    return [...tracked];
  };
  for (let waitedMs = 0; left().length > 0 && waitedMs < graceMs; waitedMs += pollMs)
    await new Promise((resolve) => startTimer(resolve, pollMs));
  const leaks = left().map(({ name, stack }) => `${name()}, made${placeOf(stack)}`);
  tracked.clear();
  return leaks;
}

/** The innermost line of ours on the way to a stack, this file aside. */
function placeOf(stack: string): string {
  const lines = stack
    .split('\n')
    .filter(
      (line) =>
        /\/(?:src|test)\//.test(line) && !line.includes('/node_modules/') && !line.includes('leaks.ts'),
    );
  const tests = lines.filter((line) => line.includes('/test/'));
  return (tests[0] ?? lines[0])?.replace(/^\s+at/, ' at') ?? ' in a callback';
}

export const mochaHooks = {
  /** Gives every top-level suite a last hook: it runs when the suite's own have, and a failure there is the suite's. */
  beforeAll(this: Mocha.Context): void {
    const root = this.test?.parent;
    for (const suite of root?.suites ?? []) {
      suite.afterAll('leaves nothing behind', async function (this: Mocha.Context) {
        this.timeout(graceMs * 2 + 1000);
        const leaks = await takeLeaks();
        if (leaks.length > 0) throw new Error(`left behind:\n    ${leaks.join('\n    ')}`);
      });
    }
  },
};
