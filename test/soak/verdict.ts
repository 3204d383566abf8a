import type { Failure } from './load.ts';
import type { End, Replicas } from './replicas.ts';

/** What is read of a line of the sidecar's access log, which has one for each failed call. */
interface LogLine {
  readonly traceId?: string;
  readonly endpoint: string;
  readonly error?: string;
  readonly detail?: string;
  readonly attempts: number;
}

/** Errors by which the sidecar says that the call had reached an endpoint, which then went away. */
const begunErrors: readonly string[] = ['upstream_closed', 'upstream_reset'];
/** How the sidecar tells that it was an idle connection of before (`src/http1/client-connection.ts`). */
const closedKept = 'closed a connection that it had kept, without a reply';
/** Between what the two processes saw of one moment, milliseconds. */
const slackMs = 250;

/** What is asked of the replicas. */
export type Ends = Pick<Replicas, 'kills' | 'gracefulStops' | 'nameAt'>;

export interface Verdict {
  readonly failure: Failure;
  /** Why nobody could have saved it; '' where somebody could have. */
  readonly because: string;
  /** What the sidecar recorded. */
  readonly record: string;
}

/**
 * Tells failed calls that the protocol cannot save from the others: those that a replica had begun when it was killed. The
 * sidecar's own record must say that the call had reached that replica and was lost there. What a WebSocket or a TCP
 * connection loses after it was set up is in no record of calls: there the replica that had greeted the client is it.
 *
 * Over HTTP/1.1 there is no GOAWAY: a replica that stops closes its idle connections, and a POST that is just on its way on
 * one of them is lost, since a proxy may not send it twice (RFC 9110 section 9.2.2).
 */
export function judgeFailures(failures: readonly Failure[], accessLog: string, replicas: Ends): Verdict[] {
  const lines = new Map<string, LogLine>();
  for (const text of accessLog.split('\n')) {
    if (text === '') continue;
    const line = JSON.parse(text) as LogLine;
    if (line.traceId !== undefined) lines.set(line.traceId, line);
  }
  return failures.map((failure) => {
    const line = lines.get(failure.traceId);
    const record = line === undefined ? 'no record' : `${line.error} by ${line.endpoint}: ${line.detail}`;
    return { failure, because: excuse(failure, line, replicas), record };
  });
}

function excuse(failure: Failure, line: LogLine | undefined, replicas: Ends): string {
  const during = replicas.kills.filter((end) => overlaps(end, failure));
  if (line !== undefined) {
    const name = replicas.nameAt(line.endpoint);
    if (!begunErrors.includes(line.error ?? '')) return '';
    const stopped = replicas.gracefulStops.some((end) => end.replica === name && overlaps(end, failure));
    const onKept = failure.kind.startsWith('HTTP/1.1 POST') && line.detail?.includes(closedKept);
    if (stopped && onKept && line.attempts === 1)
      return `a POST on a connection that ${name} closed as it stopped`;
    return during.some(({ replica }) => replica === name) ? `begun on ${name}, which was killed` : '';
  }
  if (failure.kind !== 'WebSocket' && failure.kind !== 'TCP') return '';
  if (failure.replica === '') {
    // A listener that closes, however gracefully, resets whom the kernel had let in and it had not.
    const stopped = replicas.gracefulStops.some((end) => overlaps(end, failure));
    return stopped || during.length > 0 ? 'connected to a replica that ended before it said a word' : '';
  }
  return during.some(({ replica }) => replica === failure.replica)
    ? `connected to ${failure.replica}, which was killed`
    : '';
}

function overlaps(end: End, failure: Failure): boolean {
  return end.fromMs <= failure.toMs + slackMs && end.toMs >= failure.fromMs - slackMs;
}
