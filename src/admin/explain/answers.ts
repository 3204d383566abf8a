import { parseWrittenRequest } from '../../explain/parse-request.ts';
import type { CallRecord } from '../../telemetry/call-record.ts';
import {
  clientErrorCallsMax,
  failedCallsMax,
  recentCallsMax,
  shownCallsMax,
  slowCallsMax,
} from '../../telemetry/recent-calls.ts';
import { callTiming } from '../call-timing.ts';
import type { AdminDeps } from '../deps.ts';
import { summarizeCall } from '../live-snapshot.ts';
import { json, type Reply, requestedFormat, text } from '../reply.ts';
import { asOfNow, explanationOf } from './call-explanation.ts';
import { type CallKey, parseCallKey } from './call-key.ts';
import { callText } from './call-text.ts';
import { requestText } from './request-text.ts';

/** What the answers need of an admin request. */
interface Question {
  readonly deps: AdminDeps;
  readonly nowWallMs: number;
  readonly query: URLSearchParams;
  readonly accept: string;
  readonly param: string;
}

/** Other calls of a trace that are named. */
const othersMax = 50;
/** Characters of the key that an error quotes. */
const keyCharsMax = 64;

/** `GET /explain/ID`: one call, by its id, the id of an error reply, or the id of its trace. */
export function explainCall(question: Question): Reply {
  const { deps, nowWallMs, param } = question;
  const key = parseCallKey(param);
  const calls = callsOf(deps, key);
  const [call, ...others] = calls;
  if (call === undefined) return refusal(question, ...notFoundReason(deps, key, param));
  const format = formatOf(question);
  if (format === undefined) return wrongFormat();
  // Whoever asked for it may ask again.
  if (call.endedMs !== 0) deps.shown([call]);
  const resources = deps.resourcesOfCall(call);
  const otherIds = others.slice(0, othersMax).map(({ id }) => id);
  if (format === 'text') {
    const rest = otherIds.length === 0 ? '' : `\nOther calls of this trace: ${otherIds.join(', ')}\n`;
    return text(callText(call, nowWallMs, deps.traceLink(call), resources) + rest);
  }
  const explanation = explanationOf(call, nowWallMs);
  return json({
    ...summarizeCall(call, nowWallMs, deps.traceLink),
    explanation,
    timing: callTiming(asOfNow(call, nowWallMs)),
    otherCallsOfTrace: otherIds,
    resources,
    call,
  });
}

/** `GET /explain?request=…`: a request that nobody sent. */
export function explainMadeUp(question: Question): Reply {
  const { deps, query } = question;
  const request = query.get('request');
  if (request === null)
    return refusal(
      question,
      400,
      'malformed',
      'Write /explain/ID for a call that /traces lists, or /explain?request=GET%20/path for a request that nobody sent.',
    );
  const parsed = parseWrittenRequest({
    request,
    authority: query.get('authority') ?? undefined,
    headers: query.getAll('header'),
    client: query.get('client') ?? undefined,
    listener: query.get('listener') ?? undefined,
  });
  if (parsed.error !== undefined) return refusal(question, 400, 'malformed', sentence(parsed.error));
  const explained = deps.explainRequest(parsed.value);
  if (explained.error !== undefined) return refusal(question, 400, 'malformed', sentence(explained.error));
  const format = formatOf(question);
  if (format === undefined) return wrongFormat();
  return format === 'json' ? json(explained.value) : text(requestText(explained.value));
}

function callsOf(deps: AdminDeps, key: CallKey): readonly CallRecord[] {
  if (key.kind === 'id') return [deps.explain(key.id) ?? []].flat();
  return key.kind === 'trace' ? deps.callsOfTrace(key.traceId) : [];
}

/** 410 is for a call that there was (RFC 9110 section 15.5.11). */
function notFoundReason(
  deps: AdminDeps,
  key: CallKey,
  param: string,
): [status: number, code: string, message: string] {
  const newest = deps.latestCallId();
  const shown = param.replace(/[^\x20-\x7e]/g, '?').slice(0, keyCharsMax);
  switch (key.kind) {
    case 'malformed':
      return [
        400,
        'malformed',
        `"${shown}" is not the id of a call; write the number from /traces, the id from an error reply (7f3a-1c09d2e4), or a trace id (32 hex digits).`,
      ];
    case 'foreign':
      return [
        404,
        'other_process',
        `${shown} is an id of another sidecar, or of this one before its last start; ask the sidecar that sent the error reply.`,
      ];
    case 'trace':
      return [404, 'unknown', `No call of the trace ${shown} is kept. ${limits}`];
    case 'id':
      if (key.id < 1 || key.id > newest)
        return [404, 'unknown', `There is no call ${key.id}; the newest call is ${newest}.`];
      return [410, 'not_kept', `Call ${key.id} is no longer kept. ${limits}`];
  }
}

const limits =
  `Outrigger keeps the latest ${recentCallsMax} calls; of earlier ones the latest ${failedCallsMax} that failed, ` +
  `${clientErrorCallsMax} client errors and ${slowCallsMax} slow ones; and of those that the page or /traces showed the latest ` +
  `${shownCallsMax} that failed and ${shownCallsMax} others.`;

function refusal(question: Question, status: number, code: string, message: string): Reply {
  const format = formatOf(question);
  if (format === undefined) return wrongFormat();
  return format === 'json' ? json({ error: { code, message } }, status) : text(message, status);
}

function formatOf({ query, accept }: Question): 'json' | 'text' | undefined {
  return requestedFormat(query, accept);
}

function wrongFormat(): Reply {
  return text('Write format=json or format=text.', 400);
}

function sentence(message: string): string {
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;
}
