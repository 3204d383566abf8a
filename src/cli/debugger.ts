import type { Environment } from '../config/environment.ts';

/** `--inspect`, `--inspect-brk` and `--inspect-wait`; the ports alone (`--inspect-port`) open nothing. */
const inspectFlag = /--inspect(?:-brk|-wait)?(?![\w-])(?:=\S+)?/g;

/**
 * Closes the debugger where a SIGUSR1 opened it in the moments before our first line ran, when Node still took the
 * signal for itself. One that the user asked for by a flag or NODE_OPTIONS stays.
 */
export async function closeDebuggerOfSignal(env: Environment): Promise<void> {
  const asked = [...process.execArgv, env.NODE_OPTIONS ?? ''].join(' ');
  if (asked.search(inspectFlag) >= 0) return;
  const inspector = process.getBuiltinModule('node:inspector');
  if (inspector.url() === undefined) return;
  // Node hears of one signal twice, between two lines of JavaScript and by the event loop, and opens the debugger again at
  // the second: so the loop turns in between.
  for (let turn = 0; turn < 3; turn++) {
    inspector.close();
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  inspector.close();
  process.stderr.write('closed the debugger that SIGUSR1 opened before Outrigger could take the signal\n');
}

/** Whether a flag makes Node block SIGUSR1, for our listeners too. */
export function blocksReopenSignal(env: Environment): boolean {
  return [...process.execArgv, ...(env.NODE_OPTIONS ?? '').split(/\s+/)].includes(disableFlag);
}

/** How a child process is to be started so that no signal, and no flag of its parent, opens a debugger in it. */
export function withoutDebugger(
  execArgv: readonly string[],
  env: Environment,
): { execArgv: string[]; env: Environment } {
  const flags = execArgv.filter((flag) => flag.search(inspectFlag) < 0);
  const options = env.NODE_OPTIONS?.replace(inspectFlag, '').trim();
  return {
    execArgv: flags.includes(disableFlag) ? flags : [...flags, disableFlag],
    env: options === undefined ? { ...env } : { ...env, NODE_OPTIONS: options },
  };
}

/** Node 22.14 and later. */
const disableFlag = '--disable-sigusr1';
