import { grpcStatusName } from '../core/grpc-status.ts';
import type { AttemptRecord, CallRecord } from '../telemetry/call-record.ts';
import { callTally } from '../telemetry/call-status.ts';
import { durationText } from './quantities.ts';

/** `pkg.Svc/Method` of a gRPC call, `GET /path` of another. */
export function callName(call: CallRecord): string {
  if (call.tcp) return 'TCP connection';
  if (call.udp) return 'UDP session';
  return call.grpc ? call.path.replace(/^\//, '') : `${call.httpMethod} ${call.path}`;
}

/** `UNAVAILABLE`, `HTTP 503`; `no reply` where the client got none; `closed` or `failed` for a TCP connection, `over` or `failed` for a UDP session. */
export function callStatus(call: CallRecord): string {
  if (call.grpc) return grpcStatusName(call.grpcStatus);
  if (call.tcp) return call.error === '' ? 'closed' : 'failed';
  if (call.udp) return call.error === '' ? 'over' : 'failed';
  return call.httpStatus > 0 ? `HTTP ${call.httpStatus}` : 'no reply';
}

export function callDurationMs(call: CallRecord): number {
  return Math.max(0, call.endedMs - call.startedMs);
}

/**
 * One plain sentence: why the call failed, or where a slow one spent its time. Without `quotes` what the upstream said is left
 * out, which may be another text for each call.
 */
export function callReason(call: CallRecord, quotes = true): string {
  const last = call.attempts.at(call.chosen - 1);
  if (call.error !== '' || call.detail !== '')
    return sentence(call.detail || `Outrigger answered ${call.error}`);
  if (call.endedBy === 'client') return 'The client cancelled the call.';
  if (callTally(call) !== 'ok')
    return last
      ? `${last.endpoint} answered ${callStatus(call)}${quotes ? quoted(last) : ''}.`
      : `Outrigger answered ${callStatus(call)} without contacting an endpoint.`;
  if (!last) return 'Outrigger answered without contacting an endpoint.';
  if (call.attempts.length === 1)
    return `${last.endpoint} took ${durationText(attemptMs(last))}${replyBegan(call)}.`;
  const slowest = call.attempts.reduce((a, b) => (attemptMs(b) > attemptMs(a) ? b : a));
  return `${call.attempts.length} attempts; ${slowest.endpoint} took the longest, ${durationText(attemptMs(slowest))}.`;
}

/** What the upstream said of its status. */
function quoted({ message }: AttemptRecord): string {
  const text = String(message);
  return text === '' ? '' : `: "${text}"`;
}

/** Where a long reply began early, the time went into sending it, not into the work before. */
function replyBegan(call: CallRecord): string {
  const headMs = call.headMs - call.startedMs;
  if (call.headMs === 0 || headMs > 0.9 * callDurationMs(call)) return '';
  return `; the reply started after ${durationText(headMs)}`;
}

function attemptMs(attempt: AttemptRecord): number {
  return Math.max(0, attempt.endedMs - attempt.startedMs);
}

function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?\]]$/.test(begun) ? begun : `${begun}.`;
}
