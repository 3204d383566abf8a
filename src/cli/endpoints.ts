import type { ClusterSnapshot } from '../admin/deps.ts';
import { clustersText } from '../admin/text-pages.ts';
import type { Environment } from '../config/environment.ts';
import { askAdmin } from './admin-client.ts';
import { type AskArguments, adminTarget } from './admin-target.ts';
import { type CliIo, ExitCode } from './io.ts';
import { reportFailure } from './report-failure.ts';

/** Prints the endpoints of a running sidecar: a table per cluster, or the JSON of `/clusters`. */
export async function endpoints(args: AskArguments, io: CliIo, env: Environment): Promise<number> {
  const target = adminTarget(args, env);
  if (target.error !== undefined) {
    io.stderr.write(`${target.error}\n`);
    return ExitCode.Usage;
  }
  const answer = await askAdmin(target.value, '/clusters');
  if (answer.error !== undefined) return reportFailure(answer, io);
  const clusters = answer.value as readonly ClusterSnapshot[];
  io.stdout.write(args.output === 'json' ? `${JSON.stringify(clusters, null, 2)}\n` : clustersText(clusters));
  return ExitCode.Fine;
}
