import type { ReloadOutcome } from '../admin/deps.ts';
import { reloadText } from '../admin/text-pages.ts';
import type { Environment } from '../config/environment.ts';
import { askAdmin } from './admin-client.ts';
import { type AskArguments, adminTarget } from './admin-target.ts';
import { type CliIo, ExitCode } from './io.ts';
import { reportFailure } from './report-failure.ts';

/** New clusters are waited for, and a reload that is under way comes first. */
const reloadTimeoutMs = 30_000;

/** Makes a running sidecar reload its configuration. 0 when it is applied, 1 when it was refused. */
export async function reload(args: AskArguments, io: CliIo, env: Environment): Promise<number> {
  const target = adminTarget(args, env);
  if (target.error !== undefined) {
    io.stderr.write(`${target.error}\n`);
    return ExitCode.Usage;
  }
  const answer = await askAdmin(target.value, '/reload', { method: 'POST', timeoutMs: reloadTimeoutMs });
  if (answer.error !== undefined) return reportFailure(answer, io);
  const outcome = answer.value as ReloadOutcome;
  if (args.output === 'json') io.stdout.write(`${JSON.stringify(outcome, null, 2)}\n`);
  else io[outcome.ok ? 'stdout' : 'stderr'].write(reloadText(outcome));
  return outcome.ok ? ExitCode.Fine : ExitCode.Failed;
}
