import { type ChildProcess, fork } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../../config/environment.ts';
import { withoutDebugger } from '../debugger.ts';
import type { ChildMessage, ChildWork } from './child.ts';

/** A child process of the demo. It ends with its parent, whichever way that ends. */
export interface Child {
  readonly pid: number;
  send(message: string): void;
  /** Ends it and resolves when it is gone. */
  end(): Promise<void>;
}

/** `.ts` in the sources, `.js` in the package. */
const entry = fileURLToPath(new URL(`./child${extname(import.meta.url)}`, import.meta.url));

/** `env` is what the process inherits. `ended` hears of an end that nobody asked for, with what ended it. */
export function startChild(
  work: ChildWork,
  env: Environment,
  heard: (message: ChildMessage) => void,
  ended: (how: string) => void,
): Child {
  const child: ChildProcess = fork(entry, [JSON.stringify(work)], {
    ...withoutDebugger(process.execArgv, env),
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    // Ctrl-C, `timeout` and supervisors signal the whole process group; the parent decides what ends first.
    detached: true,
  });
  let stopping = false;
  child.on('message', (message) => heard(message as ChildMessage));
  child.on('error', () => {}); // 'exit' follows, or the parent is ending it already
  const gone = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      resolve();
      if (!stopping) ended(signal ?? `exit code ${code}`);
    });
  });
  return {
    pid: child.pid ?? 0,
    send: (message) => {
      if (child.connected) child.send(message, () => {});
    },
    end: () => {
      stopping = true;
      child.kill();
      return gone;
    },
  };
}
