import { callReference } from '../../core/call-reference.ts';
import type { PickCandidate } from '../../core/pick-details.ts';
import type { AttemptRecord, CallRecord, RouteStep } from '../../telemetry/call-record.ts';
import { callReason, callStatus } from '../explain-call.ts';
import { durationText } from '../quantities.ts';
import { adviceFor } from './advice.ts';

/** All that is to be said of a call, as `/explain/ID` gives it in JSON. */
export interface CallExplanation {
  /** The id that an error reply to the client contains. */
  readonly reference: string;
  readonly inFlight: boolean;
  /** What happened, in a sentence. */
  readonly outcome: string;
  readonly endedBy: { readonly who: 'upstream' | 'client' | 'outrigger' | ''; readonly text: string };
  readonly processed: { readonly answer: Processed; readonly text: string };
  readonly routing: {
    /** '' where no route matched. */
    readonly route: string;
    readonly steps: readonly RouteStep[];
    /** Routes that are missing from `steps`. */
    readonly stepsLeftOut: number;
  };
  /** What policies did to the call. */
  readonly notes: ReadonlyArray<{ readonly policy: string; readonly text: string }>;
  readonly attempts: readonly AttemptExplanation[];
  readonly advice: readonly string[];
}

/** Whether an endpoint processed the call: it answered, it got the request and nothing came back, or it got nothing. */
export type Processed = 'yes' | 'maybe' | 'no';

export interface AttemptExplanation {
  readonly number: number;
  readonly endpoint: string;
  readonly kind: AttemptRecord['kind'];
  readonly inFlight: boolean;
  /** `OK`, `HTTP 503`, `upstream_reset`; for an attempt in flight what it waits for. */
  readonly outcome: string;
  /** Why it ended: what the endpoint said, or what failed; '' for nothing. */
  readonly message: string;
  /** What Outrigger decided after it; '' for nothing. */
  readonly verdict: string;
  readonly startedAfterMs: number;
  readonly durationMs: number;
  readonly processed: Processed;
  /** '' without a span. */
  readonly spanId: string;
  readonly pick: PickExplained;
}

export interface PickExplained {
  readonly reason: string;
  /** All endpoints of the cluster at that moment; empty where they are not known. */
  readonly candidates: readonly PickCandidate[];
  readonly candidatesLeftOut: number;
  /** False where `active` is known only of the endpoints that the balancer compared last. */
  readonly hasActive: boolean;
  readonly draws: readonly string[];
}

/** The record as it would be if the call ended now; the record itself where the call is over. */
export function asOfNow(call: CallRecord, nowWallMs: number): CallRecord {
  if (call.endedMs !== 0) return call;
  return { ...call, endedMs: call.startedMs + Math.max(0, nowWallMs - call.startedWallMs) };
}

export function explanationOf(call: CallRecord, nowWallMs: number): CallExplanation {
  const inFlight = call.endedMs === 0;
  const shown = asOfNow(call, nowWallMs);
  const { steps, leftOut } = call.routes?.explain(call) ?? { steps: [], leftOut: 0 };
  return {
    reference: callReference(call.id),
    inFlight,
    outcome: inFlight ? waitsFor(shown) : callReason(call),
    endedBy: inFlight ? { who: '', text: 'nobody yet' } : endedBy(call),
    processed: processedOf(call),
    routing: { route: call.route, steps, stepsLeftOut: leftOut },
    notes: call.notes.map(({ policy, text }) => ({ policy, text: String(text) })),
    attempts: call.attempts.map((attempt) => attemptExplanation(attempt, shown, inFlight)),
    advice: adviceFor(call),
  };
}

function waitsFor({ attempts, headMs, route, endedMs, tcp, udp }: CallRecord): string {
  const running = attempts.filter((attempt) => attempt.endedMs === 0);
  const last = running.at(-1);
  if (last === undefined)
    return attempts.length === 0
      ? `The call waits in a policy of route ${route}, or for a first endpoint.`
      : 'The call waits for its next attempt.';
  const since = durationText(Math.max(0, endedMs - last.startedMs));
  if (tcp || udp) return `Bytes pass between the client and ${last.endpoint}.`;
  if (headMs > 0) return `${last.endpoint} is sending its reply; the attempt began ${since} ago.`;
  return last.mayHaveProcessed
    ? `The call waits for the reply of ${last.endpoint}, which got the request ${since} ago.`
    : `The call waits for a connection to ${last.endpoint}, for ${since} so far.`;
}

function endedBy(call: CallRecord): CallExplanation['endedBy'] {
  const { endedBy: who, error, attempts } = call;
  const because = error === '' ? '' : ` (${error})`;
  if (who === 'upstream')
    return { who, text: `the endpoint ${attempts.at(call.chosen - 1)?.endpoint ?? ''}` };
  if (who === 'client')
    return {
      who,
      text: error === '' ? 'the client: it cancelled' : `the client: it caused the error${because}`,
    };
  return { who, text: `Outrigger${because || ': a policy of the route answered'}` };
}

function processedOf(call: CallRecord): CallExplanation['processed'] {
  const { attempts } = call;
  const answered = attempts.find((attempt) => processedBy(attempt) === 'yes');
  if (answered !== undefined) return { answer: 'yes', text: `${answered.endpoint} answered` };
  const maybe = attempts.find((attempt) => processedBy(attempt) === 'maybe');
  if (maybe !== undefined)
    return { answer: 'maybe', text: `${maybe.endpoint} got the request, and Outrigger got no reply` };
  return { answer: 'no', text: 'no endpoint began to process the request' };
}

function processedBy({ httpStatus, mayHaveProcessed, endedMs, tally }: AttemptRecord): Processed {
  if (httpStatus > 0) return 'yes';
  // A connection that ended well; only requests have a status.
  if (tally === 'ok') return 'yes';
  return mayHaveProcessed && (endedMs > 0 || tally === '') ? 'maybe' : 'no';
}

function attemptExplanation(attempt: AttemptRecord, call: CallRecord, live: boolean): AttemptExplanation {
  const { number, endpoint, kind, verdict, spanId, startedMs, pick } = attempt;
  const inFlight = live && attempt.endedMs === 0;
  const details = pick.details?.() ?? null;
  return {
    number,
    endpoint,
    kind,
    inFlight,
    outcome: inFlight ? waitingOutcome(attempt, call) : attemptOutcome(attempt, call),
    message: String(attempt.message),
    verdict,
    startedAfterMs: Math.max(0, startedMs - call.startedMs),
    durationMs: Math.max(0, (attempt.endedMs || call.endedMs) - startedMs),
    processed: processedBy(attempt),
    spanId: String(spanId),
    pick: {
      reason: String(pick),
      candidates: details?.candidates ?? [],
      candidatesLeftOut: details?.candidatesLeftOut ?? 0,
      hasActive: details?.hasActive ?? false,
      draws: details?.draws ?? [],
    },
  };
}

function waitingOutcome({ mayHaveProcessed, httpStatus }: AttemptRecord, { tcp, udp }: CallRecord): string {
  if (tcp || udp) return 'open';
  if (httpStatus > 0) return 'sending its reply';
  return mayHaveProcessed ? 'waiting for the reply' : 'waiting for a connection';
}

function attemptOutcome(attempt: AttemptRecord, call: CallRecord): string {
  if (attempt.error !== '') return attempt.error;
  if (call.tcp) return 'connected, closed';
  if (call.udp) return 'over';
  if (attempt.grpcStatus >= 0) return callStatus({ ...call, grpc: true, grpcStatus: attempt.grpcStatus });
  return attempt.httpStatus > 0 ? `HTTP ${attempt.httpStatus}` : 'no reply';
}
