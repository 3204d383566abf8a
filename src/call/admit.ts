import type { Clock } from '../core/clock.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { ReplyError } from '../core/reply-error.ts';
import type { Fault } from '../policies/fault/fault.ts';
import { type RateLimit, rateLimitKey } from '../policies/rate-limit/rate-limit.ts';
import type { CallRecord } from '../telemetry/call-record.ts';

/** What stands between a call and its first pick, on routes that have any of it. */
export interface Admission {
  readonly rateLimit: RateLimit | null;
  /** Whom the rate limit tells apart. */
  readonly rateLimitBy:
    | { readonly kind: 'none' | 'client' }
    | { readonly kind: 'header'; readonly name: string };
  readonly fault: Fault | null;
}

/** Takes the token of a call; an error where there is none. */
export function rateLimited(
  admission: Admission,
  head: HeaderBlock,
  clientAddress: string,
  nowMs: number,
): ReplyError | null {
  const { rateLimit, rateLimitBy } = admission;
  if (rateLimit === null) return null;
  let key = '';
  if (rateLimitBy.kind === 'client') key = clientAddress;
  else if (rateLimitBy.kind === 'header') key = rateLimitKey(head.get(rateLimitBy.name) ?? '');
  const waitMs = rateLimit.take(key, nowMs);
  if (waitMs === 0) return null;
  const whose = { none: 'calls', client: 'calls of this client', header: 'calls of its key' }[
    rateLimitBy.kind
  ];
  const detail = `more ${whose} come than the route allows; there is room in ${Math.ceil(waitMs)} ms`;
  return { code: 'rate_limited', detail, mayHaveProcessed: false, retryAfterMs: Math.ceil(waitMs) };
}

/**
 * Admits a call: the rate limit first, for who is refused is not to be held up, then the faults. `pass` is told once how
 * it went, at once or after the delay that a fault makes; what is returned takes that delay back, null if there is none.
 */
export function admit(
  admission: Admission,
  head: HeaderBlock,
  record: CallRecord,
  clock: Clock,
  pass: (error: ReplyError | null) => void,
): (() => void) | null {
  const { fault } = admission;
  const refused = rateLimited(admission, head, record.clientAddress, clock.now());
  const delayMs = refused === null && fault !== null ? fault.drawDelayMs() : 0;
  if (delayMs === 0) {
    pass(refused ?? (fault === null ? null : abortedBy(fault)));
    return null;
  }
  record.faultDelayMs = delayMs;
  const timer = clock.after(delayMs, () => pass(abortedBy(fault!)));
  return () => timer.cancel();
}

/** The error that the route makes on purpose, for as many calls as it is to. */
export function abortedBy(fault: Fault): ReplyError | null {
  if (!fault.drawAbort()) return null;
  const { grpcStatus, httpStatus } = fault.settings.abort!;
  return {
    code: 'fault_injected',
    detail: 'the route injects this fault',
    mayHaveProcessed: false,
    grpcStatus: grpcStatus ?? undefined,
    httpStatus: httpStatus ?? undefined,
  };
}
