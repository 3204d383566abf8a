import { grpcStatusName } from '../core/grpc-status.ts';
import { isoTime } from '../core/iso-time.ts';
import { pluralize } from '../core/pluralize.ts';
import type { AttemptRecord, CallRecord } from '../telemetry/call-record.ts';
import { callIsError, callTally } from '../telemetry/call-status.ts';
import { bytesText, durationText } from './quantities.ts';
import { printable } from './text-table.ts';

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

/** Everything remembered of one call, for a terminal; `traceUrl` is where its trace is shown, '' for nowhere. */
export function explainCall(call: CallRecord, traceUrl = ''): string {
  const outcome = callIsError(call) ? `failed with ${callStatus(call)}` : `ended ${callStatus(call)}`;
  const facts: Array<[string, string]> = [
    ['started', isoTime(call.startedWallMs)],
    ['client', call.clientPort > 0 ? `${call.clientAddress}:${call.clientPort}` : call.clientAddress],
    ['authority', call.authority || '-'],
    ['listener', call.listener || '-'],
    ['route', call.route || 'none matched'],
    ['cluster', call.cluster || '-'],
    ['ended by', call.error === '' ? call.endedBy : `${call.endedBy} (${call.error})`],
    [
      'first reply',
      call.headMs > 0 ? `${durationText(call.headMs - call.startedMs)} after the start` : 'none',
    ],
    ['request', traffic(call.requestBytes, call.requestMessages, unitOf(call))],
    ['reply', traffic(call.responseBytes, call.responseMessages, unitOf(call))],
    [
      'trace',
      call.traceId.none ? '-' : `${call.traceId}${call.sampled ? '' : ' (Outrigger recorded no spans)'}`,
    ],
  ];
  if (traceUrl !== '') facts.push(['trace link', traceUrl]);
  for (const { policy, text } of call.notes) facts.push([policy, String(text)]);
  const lines = [
    `Call ${call.id}: ${callName(call)} ${outcome} after ${durationText(callDurationMs(call))}`,
    '',
    callReason(call),
    '',
  ];
  for (const [name, value] of facts) lines.push(`  ${name.padEnd(12)}${value}`);
  lines.push('', call.attempts.length === 0 ? 'No attempt: no endpoint was picked.' : 'Attempts');
  for (const attempt of call.attempts) lines.push(...attemptLines(attempt, call));
  return `${lines.map(printable).join('\n')}\n`;
}

function attemptLines(attempt: AttemptRecord, call: CallRecord): string[] {
  const began = durationText(Math.max(0, attempt.startedMs - call.startedMs));
  const lines = [
    `  ${attempt.number}. ${attempt.endpoint}: ${attemptOutcome(attempt, call)} after ${durationText(attemptMs(attempt))}, started at ${began}`,
  ];
  const pick = String(attempt.pick);
  if (pick !== '') lines.push(`     picked because: ${pick}`);
  const message = String(attempt.message);
  if (message !== '') lines.push(`     message: ${message}`);
  if (attempt.kind !== 'first') lines.push(`     kind: ${attempt.kind}`);
  if (attempt.verdict !== '') lines.push(`     then: ${attempt.verdict}`);
  if (!attempt.spanId.none) lines.push(`     span: ${attempt.spanId}`);
  return lines;
}

function attemptOutcome(attempt: AttemptRecord, call: CallRecord): string {
  if (attempt.error !== '') return attempt.error;
  if (call.tcp) return 'connected, closed';
  if (call.udp) return 'over';
  if (attempt.grpcStatus >= 0) return grpcStatusName(attempt.grpcStatus);
  return attempt.httpStatus > 0 ? `HTTP ${attempt.httpStatus}` : 'no reply';
}

function attemptMs(attempt: AttemptRecord): number {
  return Math.max(0, attempt.endedMs - attempt.startedMs);
}

/** What the bytes of a call come in; '' where that is not counted. */
function unitOf({ grpc, udp }: CallRecord): string {
  if (grpc) return 'message';
  return udp ? 'datagram' : '';
}

function traffic(bytes: number, count: number, unit: string): string {
  return unit === '' ? bytesText(bytes) : `${bytesText(bytes)} in ${pluralize(count, unit)}`;
}

function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?\]]$/.test(begun) ? begun : `${begun}.`;
}
