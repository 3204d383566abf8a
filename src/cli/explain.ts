import { requestText } from '../admin/explain/request-text.ts';
import type { Environment } from '../config/environment.ts';
import { loadWithParts } from '../config/load-parts.ts';
import { systemClock } from '../core/clock.ts';
import { checkListener, explainRequest } from '../explain/explain-request.ts';
import type { WrittenRequest } from '../explain/parse-request.ts';
import type { MadeUpRequest, RequestExplanation } from '../explain/request.ts';
import { policies } from '../policies/list.ts';
import { checkSafeRegex } from '../routing/safe-regex.ts';
import { askAdmin } from './admin-client.ts';
import { type AskArguments, adminTarget } from './admin-target.ts';
import { type CliIo, ExitCode } from './io.ts';
import { reportFailure } from './report-failure.ts';
import { problemLines } from './validate.ts';

export type ExplainArguments = AskArguments & (ExplainCallArguments | ExplainRequestArguments);

interface ExplainCallArguments {
  readonly id: string;
}

interface ExplainRequestArguments {
  readonly id?: undefined;
  /** As the user wrote it, and as it was understood. */
  readonly written: WrittenRequest;
  readonly request: MadeUpRequest;
  /** The file that is read instead of asking a sidecar. */
  readonly config: string | undefined;
}

/** Explains a call of a running sidecar, or a request that nobody sent. Returns the exit code. */
export async function explain(args: ExplainArguments, io: CliIo, env: Environment): Promise<number> {
  if (args.id !== undefined) return explainCall(args.id, args, io, env);
  const explained =
    args.config === undefined ? await bySidecar(args, env) : await byFile(args.config, args, io, env);
  if (explained.error !== undefined) {
    if (explained.isUsage !== true) return reportFailure(explained, io);
    io.stderr.write(`${explained.error}\n`);
    return ExitCode.Usage;
  }
  const { value } = explained;
  io.stdout.write(args.output === 'json' ? `${JSON.stringify(value, null, 2)}\n` : requestText(value));
  return ExitCode.Fine;
}

async function explainCall(id: string, args: AskArguments, io: CliIo, env: Environment): Promise<number> {
  const target = adminTarget(args, env);
  if (target.error !== undefined) {
    io.stderr.write(`${target.error}\n`);
    return ExitCode.Usage;
  }
  const form = args.output;
  const path = `/explain/${encodeURIComponent(id)}?format=${form}`;
  const answer = await askAdmin(target.value, path, { text: form === 'text', showsRefusal: true });
  if (answer.error !== undefined) return reportFailure(answer, io);
  const { value } = answer;
  io.stdout.write(form === 'json' ? `${JSON.stringify(value, null, 2)}\n` : String(value));
  return ExitCode.Fine;
}

type Explained =
  | { readonly value: RequestExplanation; readonly error?: undefined }
  | { readonly error: string; readonly isUsage?: boolean; readonly unanswered?: boolean };

async function bySidecar(args: AskArguments & ExplainRequestArguments, env: Environment): Promise<Explained> {
  const target = adminTarget(args, env);
  if (target.error !== undefined) return { error: target.error, isUsage: true };
  const { request, authority, headers = [], client, listener } = args.written;
  const query = new URLSearchParams({ format: 'json', request });
  for (const [name, value] of Object.entries({ authority, client, listener }))
    if (value !== undefined) query.set(name, value);
  for (const header of headers) query.append('header', header);
  const answer = await askAdmin(target.value, `/explain?${query}`, { showsRefusal: true });
  return answer.error === undefined ? { value: answer.value as RequestExplanation } : answer;
}

async function byFile(
  file: string,
  { request }: ExplainRequestArguments,
  io: CliIo,
  env: Environment,
): Promise<Explained> {
  const loaded = await loadWithParts({
    flags: { config: file },
    env,
    checkRegex: checkSafeRegex,
    clock: systemClock,
  });
  if (loaded.config === undefined) {
    io.stderr.write(problemLines(loaded.problems, []));
    return { error: `${file} is not valid, so it routes nothing`, isUsage: true };
  }
  const checked = checkListener(request, loaded.config);
  if (checked.error !== undefined) return { error: `--listener: ${checked.error}`, isUsage: true };
  return { value: explainRequest(loaded.config, policies, request, null) };
}
