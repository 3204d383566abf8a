import { createWriteStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { grpcStatusName } from '../core/grpc-status.ts';
import { isoTime } from '../core/iso-time.ts';
import type { Logger } from '../core/logger.ts';
import type { Random } from '../core/random.ts';
import type { AttemptRecord, CallRecord } from './call-record.ts';
import {
  attemptGrpcStatus,
  attemptMs,
  callFailed,
  callGrpcStatus,
  chosenAttempt,
  rpcMethod,
} from './outcome.ts';

/** Where access log lines go. */
export type AccessLogTarget =
  | { readonly kind: 'none' | 'stdout' | 'stderr' }
  | { readonly kind: 'file'; readonly path: string };

export interface AccessLog {
  /** Lines that a reader or disk too slow, or an error, has cost. */
  readonly droppedLines: number;
  write(record: CallRecord): void;
  /** Opens the file anew, after it was moved away (SIGHUP, as logrotate expects). Nothing is lost between. */
  reopen(): void;
  /** Writes out what is left and closes. Never rejects. */
  close(): Promise<void>;
}

export interface AccessLogOptions {
  readonly to: AccessLogTarget;
  /** Part of the calls that get a line, 0 to 1; failed calls always do. */
  readonly sample: number;
  readonly random: Random;
  readonly logger: Logger;
  /** Standard output and error; given by tests. */
  readonly streams?: { readonly stdout: Writable; readonly stderr: Writable };
}

/** Characters waiting for the reader or disk; what comes on top is dropped and counted. */
export const accessLogQueueCharsMax = 4 * 1024 * 1024;

/** The log that settings ask for, or null where they ask for none: then a call pays nothing. */
export function createAccessLog(options: AccessLogOptions): AccessLog | null {
  const { to, sample, random } = options;
  if (to.kind === 'none') return null;
  const output = createOutput(options);
  return {
    get droppedLines() {
      return output.droppedLines;
    },
    write(record) {
      if (sample < 1 && !callFailed(record) && random.next() >= sample) return;
      output.line(accessLogLine(record));
    },
    reopen: () => output.reopen(),
    close: () => output.close(),
  };
}

/** One call as a JSON object, without the line feed. Times and durations in milliseconds. */
export function accessLogLine(record: CallRecord): string {
  const chosen = chosenAttempt(record);
  return JSON.stringify({
    time: isoTime(record.startedWallMs),
    id: record.id,
    listener: record.listener,
    route: record.route,
    cluster: record.cluster,
    endpoint: chosen?.endpoint ?? '',
    client: record.clientPort > 0 ? `${record.clientAddress}:${record.clientPort}` : record.clientAddress,
    authority: record.authority,
    ...(record.grpc
      ? { method: rpcMethod(record.path), status: grpcStatusName(callGrpcStatus(record)) }
      : { method: record.httpMethod, path: record.path, status: record.httpStatus }),
    endedBy: record.endedBy,
    error: record.error || undefined,
    detail: record.detail || undefined,
    faultDelayMs: record.faultDelayMs || undefined,
    attempts: record.attempts.length,
    history: record.attempts.some(({ kind, verdict }) => kind !== 'first' || verdict !== '')
      ? record.attempts.map((attempt) => attemptLine(record, attempt))
      : undefined,
    durationMs: rounded(record.endedMs - record.startedMs),
    headMs: record.headMs > 0 ? rounded(record.headMs - record.startedMs) : undefined,
    upstreamMs: chosen ? rounded((chosen.endedMs || record.endedMs) - chosen.startedMs) : undefined,
    requestBytes: record.requestBytes,
    responseBytes: record.responseBytes,
    ...(record.grpc
      ? { requestMessages: record.requestMessages, responseMessages: record.responseMessages }
      : undefined),
    ...(record.traceId.none ? undefined : { traceId: record.traceId, sampled: record.sampled }),
  });
}

/** One attempt of a call that had several, or whose only one was decided about. */
function attemptLine(record: CallRecord, attempt: AttemptRecord): object {
  return {
    endpoint: attempt.endpoint,
    kind: attempt.kind,
    pick: attempt.pick || undefined,
    status: record.grpc
      ? grpcStatusName(attemptGrpcStatus(record, attempt))
      : attempt.httpStatus || undefined,
    error: attempt.error || undefined,
    verdict: attempt.verdict || undefined,
    startMs: rounded(attempt.startedMs - record.startedMs),
    durationMs: rounded(attemptMs(record, attempt)),
  };
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** Lines gathered over one turn of the event loop and written with one call. */
function createOutput(options: AccessLogOptions) {
  const { to, logger } = options;
  const target = to.kind === 'file' ? to.path : to.kind;
  let pending = '';
  let pendingLines = 0;
  let scheduled = false;
  let droppedLines = 0;
  let broken = false;
  let stream = open();

  function open(): Writable {
    broken = false;
    const opened: Writable =
      to.kind === 'file'
        ? createWriteStream(to.path, { flags: 'a', mode: 0o640 })
        : (options.streams ?? process)[to.kind === 'stderr' ? 'stderr' : 'stdout'];
    // A reader that went away, or a full disk, must end neither the process nor the calls.
    opened.on('error', onError);
    return opened;
  }
  function onError(this: Writable, error: Error): void {
    if (this !== stream || broken) return;
    broken = true;
    logger.warn('the access log cannot be written; lines are dropped', { target, reason: error.message });
  }
  function flush(): void {
    scheduled = false;
    if (broken) droppedLines += pendingLines;
    else if (pending !== '') stream.write(pending);
    pending = '';
    pendingLines = 0;
  }
  return {
    get droppedLines() {
      return droppedLines;
    },
    line(text: string): void {
      if (broken || pending.length + stream.writableLength > accessLogQueueCharsMax) {
        droppedLines++;
        return;
      }
      pending += `${text}\n`;
      pendingLines++;
      if (scheduled) return;
      scheduled = true;
      setImmediate(flush);
    },
    reopen(): void {
      if (to.kind !== 'file') return;
      flush();
      const old = stream;
      stream = open();
      old.end();
    },
    async close(): Promise<void> {
      flush();
      if (to.kind === 'file') {
        stream.end();
        await finished(stream).catch(() => {});
        return;
      }
      // Not ours to end; an empty write calls back when what is before it has left.
      if (!broken) await new Promise<void>((resolve) => void stream.write('', () => resolve()));
      stream.off('error', onError);
    },
  };
}
