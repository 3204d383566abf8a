import type { UndrainOutcome } from '../admin/deps.ts';
import type { Environment } from '../config/environment.ts';
import { askAdmin } from './admin-client.ts';
import { type AskArguments, adminTarget } from './admin-target.ts';
import { type CliIo, ExitCode } from './io.ts';
import { reportFailure } from './report-failure.ts';

/** Takes back the drain of a running sidecar. 0 when it serves as before, 1 when it is too late. */
export async function undrain(args: AskArguments, io: CliIo, env: Environment): Promise<number> {
  const target = adminTarget(args, env);
  if (target.error !== undefined) {
    io.stderr.write(`${target.error}\n`);
    return ExitCode.Usage;
  }
  const answer = await askAdmin(target.value, '/undrain', { method: 'POST' });
  if (answer.error !== undefined) return reportFailure(answer, io);
  const report = answer.value as { draining: boolean; outcome: UndrainOutcome; message: string };
  if (args.output === 'json') io.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  else io[report.draining ? 'stderr' : 'stdout'].write(`${report.message}\n`);
  return report.draining ? ExitCode.Failed : ExitCode.Fine;
}
