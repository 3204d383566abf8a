import type { Environment } from '../config/environment.ts';
import { systemClock } from '../core/clock.ts';
import { safeLines } from '../core/safe-text.ts';
import { type Arguments, parseArguments } from './arguments.ts';
import { closeDebuggerOfSignal } from './debugger.ts';
import { type CliIo, ExitCode, type TextOut } from './io.ts';
import { takeNodeWarnings } from './node-warnings.ts';
import { processSignals, type RunSignals } from './signals.ts';

/**
 * Finds out which command is meant and loads only that one, so that `version` need not wait for the proxy, nor the
 * proxy for the demo. Returns the exit code.
 */
export async function program(argv: readonly string[], env: Environment): Promise<number> {
  const io: CliIo = { stdout: safeOut(process.stdout), stderr: safeOut(process.stderr) };
  const onWarning = takeNodeWarnings(process, [...process.execArgv, env.NODE_OPTIONS ?? '']);
  const parsed = parseArguments(argv);
  if (parsed.value === undefined) {
    io.stderr.write(`${parsed.error}\n`);
    return ExitCode.Usage;
  }
  return dispatch(parsed.value, io, env, onWarning);
}

/** What commands print may quote files, replies and arguments: nothing of that may control the terminal. */
function safeOut(out: TextOut): TextOut {
  return {
    write: (text) => out.write(safeLines(text)),
    get writableLength() {
      return out.writableLength;
    },
  };
}

async function dispatch(
  args: Arguments,
  io: CliIo,
  env: Environment,
  onWarning: RunSignals['onWarning'],
): Promise<number> {
  switch (args.command) {
    case 'run': {
      // Before the rest is loaded: a signal that comes meanwhile counts once there is something to stop.
      const signals = { ...processSignals(process, systemClock), onWarning };
      const { run } = await import('./run.ts');
      await closeDebuggerOfSignal(env);
      return run(args.flags, io, env, signals);
    }
    case 'demo': {
      const signals = { ...processSignals(process, systemClock), onWarning };
      const { demo } = await import('./demo-command.ts');
      await closeDebuggerOfSignal(env);
      return demo(args, io, env, signals);
    }
    case 'validate':
      return (await import('./validate.ts')).validate(args, io, env);
    case 'schema':
      return (await import('./schema.ts')).schema(args, io);
    case 'version':
      return (await import('./version.ts')).version(args, io);
    case 'endpoints':
      return (await import('./endpoints.ts')).endpoints(args, io, env);
    case 'stat':
      return (await import('./stat.ts')).stat(args, io, env);
    case 'drain': {
      // This one and `ready` may wait for long.
      const { drain } = await import('./drain.ts');
      await closeDebuggerOfSignal(env);
      return drain(args, io, env);
    }
    case 'undrain':
      return (await import('./undrain.ts')).undrain(args, io, env);
    case 'ready': {
      const { ready } = await import('./ready.ts');
      await closeDebuggerOfSignal(env);
      return ready(args, io, env);
    }
    case 'reload':
      return (await import('./reload.ts')).reload(args, io, env);
    case 'help':
      return (await import('./help.ts')).showHelp(args, io);
  }
}
