#!/usr/bin/env node
import { type Arguments, parseArguments } from './cli/arguments.ts';
import { ExitCode } from './cli/io.ts';

/**
 * The program: finds out which command is meant and loads only that one, so that `version` need not wait for the
 * proxy, nor the proxy for the demo.
 */
async function main(argv: readonly string[]): Promise<number> {
  const parsed = parseArguments(argv);
  if (parsed.value === undefined) {
    process.stderr.write(`${parsed.error}\n`);
    return ExitCode.Usage;
  }
  return dispatch(parsed.value);
}

async function dispatch(args: Arguments): Promise<number> {
  switch (args.command) {
    case 'run': {
      const { run } = await import('./cli/run.ts');
      return run(args.flags, process, process.env, {
        onTerminate: (stop) => void process.once('SIGTERM', stop).once('SIGINT', stop),
        onHangup: (reload) => void process.on('SIGHUP', reload),
        onUncaught: (tell) => void process.on('uncaughtException', tell),
      });
    }
    case 'demo':
      return (await import('./cli/demo-command.ts')).demo(args, process, process.env);
    case 'validate':
      return (await import('./cli/validate.ts')).validate(args, process, process.env);
    case 'schema':
      return (await import('./cli/schema.ts')).schema(args, process);
    case 'version':
      return (await import('./cli/version.ts')).version(args, process);
    case 'endpoints':
      return (await import('./cli/endpoints.ts')).endpoints(args, process, process.env);
    case 'stat':
      return (await import('./cli/stat.ts')).stat(args, process, process.env);
    case 'drain':
      return (await import('./cli/drain.ts')).drain(args, process, process.env);
    case 'ready':
      return (await import('./cli/ready.ts')).ready(args, process, process.env);
    case 'reload':
      return (await import('./cli/reload.ts')).reload(args, process, process.env);
    case 'help':
      return (await import('./cli/help.ts')).showHelp(args, process);
  }
}

process.exitCode = await main(process.argv.slice(2));
// What is still open now (a client's half-closed socket, a telemetry exporter) must not keep the process.
process.stdout.write('', () => process.exit());
