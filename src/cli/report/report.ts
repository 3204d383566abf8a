import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from '../../config/environment.ts';
import { keepProcess, systemClock } from '../../core/clock.ts';
import { isoTime } from '../../core/iso-time.ts';
import { pluralize } from '../../core/pluralize.ts';
import type { Result } from '../../core/result.ts';
import { type AskArguments, adminTarget } from '../admin-target.ts';
import { type CliIo, ExitCode } from '../io.ts';
import { reportFailure } from '../report-failure.ts';
import { type Bundle, collect } from './collect.ts';

export interface ReportArguments extends AskArguments {
  /** Folder to create; undefined for one in the working directory that has the time in its name. */
  readonly dir: string | undefined;
}

/** Writes a support bundle of a running sidecar to a folder, or as one JSON object to standard output. */
export async function report(args: ReportArguments, io: CliIo, env: Environment): Promise<number> {
  const target = adminTarget(args, env);
  if (target.error !== undefined) {
    io.stderr.write(`${target.error}\n`);
    return ExitCode.Usage;
  }
  const kept = keepProcess();
  const bundle = await collect(target.value, systemClock);
  kept.cancel();
  if (bundle.error !== undefined) return reportFailure(bundle, io);
  if (args.output === 'json') {
    io.stdout.write(`${JSON.stringify(bundle.value, null, 2)}\n`);
    return ExitCode.Fine;
  }
  const dir =
    args.dir ?? `outrigger-report-${isoTime(systemClock.wallMs()).slice(0, 19).replaceAll(':', '')}`;
  const written = writeBundle(bundle.value, dir);
  if (written.error !== undefined) {
    io.stderr.write(`${written.error}\n`);
    return ExitCode.Failed;
  }
  const missing = Object.keys(bundle.value.missing);
  if (missing.length > 0)
    io.stderr.write(`not collected: ${missing.join(', ')}; README.txt has the reasons\n`);
  io.stdout.write(
    `wrote ${pluralize(written.value, 'file')} to ${dir}; secrets are replaced, but read them before you send them:\n  tar czf ${dir}.tar.gz ${dir}\n`,
  );
  return ExitCode.Fine;
}

/** Creates the folder, for this user alone: host names and addresses of clients are nobody else's business. */
function writeBundle({ parts }: Bundle, dir: string): Result<number> {
  try {
    mkdirSync(dir, { mode: 0o700 });
    const files = Object.entries(parts);
    for (const [file, text] of files) writeFileSync(join(dir, file), text, { mode: 0o600, flag: 'wx' });
    return { value: files.length };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST')
      return { error: `the folder ${JSON.stringify(dir)} exists; name another one with --dir` };
    if (code === 'ENOENT')
      return {
        error: `the folder ${JSON.stringify(dir)} cannot be created: its parent does not exist; name another one with --dir`,
      };
    return {
      error: `the folder ${JSON.stringify(dir)} cannot be written: ${message}; name another one with --dir`,
    };
  }
}
