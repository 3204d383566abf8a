import type { Environment } from '../config/environment.ts';
import { formatAddress } from '../core/address.ts';
import { runDemo } from './demo/demo.ts';
import { type CliIo, ExitCode } from './io.ts';
import { configOf, loggerOf, logWarning, start } from './run.ts';
import type { RunSignals } from './signals.ts';

export interface DemoArguments {
  /** When the demo ends; undefined for never. */
  readonly seconds: number | undefined;
  readonly admin: string | undefined;
}

/** `outrigger demo`: the replicas and the load in processes of their own, the sidecar in this one. */
export function demo(args: DemoArguments, io: CliIo, env: Environment, signals: RunSignals): Promise<number> {
  signals.onTerminateAgain(() => process.exit(ExitCode.Failed));
  return runDemo({
    stdout: io.stdout,
    env: args.seconds === undefined ? env : { ...env, DEMO_SECONDS: String(args.seconds) },
    onInterrupt: (interrupted) => signals.onTerminate(interrupted),
    async startSidecar(raw) {
      // The demo's own lines are what is to be read; of the sidecar's only trouble.
      const withAdmin = args.admin === undefined ? raw : { ...raw, admin: { listen: args.admin } };
      const config = configOf({ ...withAdmin, log: { level: 'warn' } });
      const logger = loggerOf(config, io);
      signals.onWarning((warning) => logWarning(warning, logger));
      const app = await start(config, logger, env, () => {});
      return {
        listenerAddress: app.listenerAddress,
        adminUrl: `http://${formatAddress(app.admin.address)}`,
        stop: app.stop,
      };
    },
  });
}
