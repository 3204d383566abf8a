import type { ServerInfo } from '../admin/deps.ts';
import type { Environment } from '../config/environment.ts';
import type { LogLevel } from '../core/logger.ts';
import { askAdmin } from './admin-client.ts';
import { type AskArguments, adminTarget } from './admin-target.ts';
import { type CliIo, ExitCode } from './io.ts';
import { reportFailure } from './report-failure.ts';

export interface LogLevelArguments extends AskArguments {
  /** The level to set; undefined to show the level. */
  readonly level: LogLevel | undefined;
}

/** Shows or sets the log level of a running sidecar. */
export async function logLevel(args: LogLevelArguments, io: CliIo, env: Environment): Promise<number> {
  const target = adminTarget(args, env);
  if (target.error !== undefined) {
    io.stderr.write(`${target.error}\n`);
    return ExitCode.Usage;
  }
  const { level } = args;
  const answer =
    level === undefined
      ? await askAdmin(target.value, '/server_info')
      : await askAdmin(target.value, `/logging?level=${level}`, { method: 'POST' });
  if (answer.error !== undefined) return reportFailure(answer, io);
  const { logLevel: shown } = answer.value as Pick<ServerInfo, 'logLevel'>;
  if (args.output === 'json') io.stdout.write(`${JSON.stringify({ logLevel: shown }, null, 2)}\n`);
  else io.stdout.write(`${shown}\n`);
  return ExitCode.Fine;
}
