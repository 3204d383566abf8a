import type { ClusterSnapshot } from '../admin/deps.ts';
import { clustersText } from '../admin/text-pages.ts';
import type { Environment } from '../config/environment.ts';
import { adminAddress } from './admin-address.ts';
import { askAdmin } from './admin-client.ts';
import type { OutputFormat } from './arguments.ts';
import { type CliIo, ExitCode } from './io.ts';

/** What follows `outrigger endpoints` and `outrigger stat`. */
export interface AskArguments {
  readonly admin: string | undefined;
  readonly output: OutputFormat;
}

/** Prints the endpoints of a running sidecar: a table per cluster, or the JSON of `/clusters`. */
export async function endpoints(args: AskArguments, io: CliIo, env: Environment): Promise<number> {
  const address = adminAddress(args.admin, env);
  if (address.error !== undefined) {
    io.stderr.write(`${address.error}\n`);
    return ExitCode.Usage;
  }
  const answer = await askAdmin(address.value, '/clusters');
  if (answer.error !== undefined) {
    io.stderr.write(`${answer.error}\n`);
    return ExitCode.Failed;
  }
  const clusters = answer.value as readonly ClusterSnapshot[];
  io.stdout.write(args.output === 'json' ? `${JSON.stringify(clusters, null, 2)}\n` : clustersText(clusters));
  return ExitCode.Fine;
}
