import type { Readiness } from '../admin/deps.ts';
import { printable } from '../admin/text-table.ts';
import type { Environment } from '../config/environment.ts';
import { pause, systemClock } from '../core/clock.ts';
import { adminAddress } from './admin-address.ts';
import { askAdmin } from './admin-client.ts';
import type { AskArguments } from './endpoints.ts';
import { type CliIo, ExitCode } from './io.ts';

/** From one look to the next, milliseconds. */
const lookEveryMs = 100;

/** Tells whether a sidecar is ready, at once or, with `waitMs`, once it is. 0 when it is, 1 with the reason when not. */
export async function ready(
  args: AskArguments & { readonly waitMs: number },
  io: CliIo,
  env: Environment,
): Promise<number> {
  const address = adminAddress(args.admin, env);
  if (address.error !== undefined) {
    io.stderr.write(`${address.error}\n`);
    return ExitCode.Usage;
  }
  const endMs = systemClock.now() + args.waitMs;
  let readiness: Readiness;
  for (;;) {
    const leftMs = endMs - systemClock.now();
    // While it waits, nobody there is no more than a reason: the process may be yet to start.
    const answer = await askAdmin(address.value, '/ready');
    readiness =
      answer.error === undefined ? (answer.value as Readiness) : { ready: false, reasons: [answer.error] };
    if (readiness.ready || leftMs <= 0) break;
    await pause(Math.min(lookEveryMs, leftMs));
  }
  const late = args.waitMs > 0 ? ` after ${args.waitMs / 1000} s` : '';
  const said = readiness.ready ? 'ready' : `not ready${late}: ${printable(readiness.reasons.join('; '))}`;
  if (args.output === 'json') io.stdout.write(`${JSON.stringify(readiness, null, 2)}\n`);
  else io[readiness.ready ? 'stdout' : 'stderr'].write(`${said}\n`);
  return readiness.ready ? ExitCode.Fine : ExitCode.Failed;
}
