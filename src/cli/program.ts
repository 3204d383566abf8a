import type { Environment } from '../config/environment.ts';
import { systemClock } from '../core/clock.ts';
import { type Arguments, parseArguments } from './arguments.ts';
import { closeDebuggerOfSignal } from './debugger.ts';
import { ExitCode } from './io.ts';
import { processSignals } from './signals.ts';

/**
 * Finds out which command is meant and loads only that one, so that `version` need not wait for the proxy, nor the
 * proxy for the demo. Returns the exit code.
 */
export async function program(argv: readonly string[], env: Environment): Promise<number> {
  const parsed = parseArguments(argv);
  if (parsed.value === undefined) {
    process.stderr.write(`${parsed.error}\n`);
    return ExitCode.Usage;
  }
  return dispatch(parsed.value, env);
}

async function dispatch(args: Arguments, env: Environment): Promise<number> {
  switch (args.command) {
    case 'run': {
      // Before the rest is loaded: a signal that comes meanwhile counts once there is something to stop.
      const signals = processSignals(process, systemClock);
      const { run } = await import('./run.ts');
      await closeDebuggerOfSignal(env);
      return run(args.flags, process, env, signals);
    }
    case 'demo': {
      const signals = processSignals(process, systemClock);
      const { demo } = await import('./demo-command.ts');
      await closeDebuggerOfSignal(env);
      return demo(args, process, env, signals);
    }
    case 'validate':
      return (await import('./validate.ts')).validate(args, process, env);
    case 'schema':
      return (await import('./schema.ts')).schema(args, process);
    case 'version':
      return (await import('./version.ts')).version(args, process);
    case 'endpoints':
      return (await import('./endpoints.ts')).endpoints(args, process, env);
    case 'stat':
      return (await import('./stat.ts')).stat(args, process, env);
    case 'drain':
      return (await import('./drain.ts')).drain(args, process, env);
    case 'undrain':
      return (await import('./undrain.ts')).undrain(args, process, env);
    case 'ready':
      return (await import('./ready.ts')).ready(args, process, env);
    case 'reload':
      return (await import('./reload.ts')).reload(args, process, env);
    case 'help':
      return (await import('./help.ts')).showHelp(args, process);
  }
}
