import { type CliIo, ExitCode } from './io.ts';

/** Shows why a running sidecar did not give the answer that the command requires. Returns the exit code of the command. */
export function reportFailure(
  failure: { readonly error: string; readonly unanswered?: boolean },
  io: CliIo,
): number {
  io.stderr.write(`${failure.error}\n`);
  return failure.unanswered ? ExitCode.Unanswered : ExitCode.Failed;
}
