import type { Environment } from '../../config/environment.ts';
import { systemClock } from '../../core/clock.ts';
import { pluralize } from '../../core/pluralize.ts';
import type { TapEvent } from '../../tap/events.ts';
import { type AskArguments, adminTarget } from '../admin-target.ts';
import { closeDebuggerOfSignal } from '../debugger.ts';
import { type CliIo, ExitCode } from '../io.ts';
import { reportFailure } from '../report-failure.ts';
import { descriptorsOf, type TypeFiles } from './descriptor-files.ts';
import { readTap } from './stream.ts';
import { callText, messageText, startedText } from './text.ts';

export interface TapArguments extends AskArguments, TypeFiles {
  /** The parameters of `/tap`. */
  readonly query: URLSearchParams;
  /** Shows headers and trailers. */
  readonly headers: boolean;
}

/** Prints live calls of a running sidecar until the tap ends. What is not a call goes to stderr, so that stdout can be piped. */
export async function tap(args: TapArguments, io: CliIo, env: Environment): Promise<number> {
  const usage = (error: string): number => {
    io.stderr.write(`${error}\n`);
    return ExitCode.Usage;
  };
  const target = adminTarget(args, env);
  if (target.error !== undefined) return usage(target.error);
  const descriptors = descriptorsOf(args);
  if (descriptors.error !== undefined) return usage(descriptors.error);
  await closeDebuggerOfSignal(env);
  let hasEnd = false;
  const failure = await readTap(target.value, {
    query: args.query,
    descriptors: descriptors.value,
    clock: systemClock,
    waiting: () => io.stdout.writableLength ?? 0,
    isClosed: () => io.isClosed?.() === true,
    onLine(line) {
      const event = parse(line);
      if (event === null) return;
      if (event.event === 'end') hasEnd = event.reason === 'limit' || event.reason === 'duration';
      if (args.output === 'json') io.stdout.write(`${line}\n`);
      else show(event, args.headers, io);
    },
  });
  if (failure !== null) return reportFailure(failure, io);
  if (!hasEnd && args.output === 'json') io.stderr.write('the sidecar ended the tap\n');
  return hasEnd || io.isClosed?.() === true ? ExitCode.Fine : ExitCode.Failed;
}

function show(event: TapEvent, headers: boolean, io: CliIo): void {
  switch (event.event) {
    case 'tap':
      io.stderr.write(`shows calls as they ${event.live ? 'start and end' : 'end'}; Ctrl-C ends the tap\n`);
      break;
    case 'counts':
      if (event.matched === 0 && event.seen > 0)
        io.stderr.write(`no call matches so far; ${pluralize(event.seen, 'request')} started\n`);
      else if (event.seen === 0) io.stderr.write('no request has started so far\n');
      break;
    case 'call':
      io.stdout.write(callText(event, headers));
      break;
    case 'started':
      io.stdout.write(startedText(event, headers));
      break;
    case 'message':
      io.stdout.write(messageText(event));
      break;
    case 'not_shown':
    case 'problem':
      io.stderr.write(`${event.text}\n`);
      break;
    case 'end':
      io.stderr.write(`ended: ${event.text}\n`);
  }
}

/** Null for a line that is no event: a later version of the sidecar may send others, which `show` leaves out. */
function parse(line: string): TapEvent | null {
  try {
    return JSON.parse(line) as TapEvent;
  } catch {
    return null;
  }
}
