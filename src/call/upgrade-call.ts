import type { Address } from '../core/address.ts';
import { boundedText } from '../core/bounded-text.ts';
import type { Ending } from '../core/ending.ts';
import type { Field } from '../core/field.ts';
import { HeaderBlock } from '../core/header-block.ts';
import { type ReplyError, replyErrors } from '../core/reply-error.ts';
import type { CallRecord } from '../telemetry/call-record.ts';
import { detailCharsMax } from '../telemetry/request-text.ts';
import type { CallTrace } from '../telemetry/tracing.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import { abortedBy, rateLimited } from './admit.ts';
import { memoryError, noEndpointError, noRouteError, targetError } from './call-errors.ts';
import { newAttemptRecord, newCallRecord, noteAttemptError, noteHead, type Peer } from './call-records.ts';
import { type Forwarding, forwardingOf } from './forwarding.ts';
import { outgoingHead } from './outgoing-head.ts';
import type { Cuttable, ProxyContext } from './plan.ts';

/** How the forwarding of an upgrade went; `http1/upgrade.ts` tells it. */
export interface UpgradeResult {
  readonly httpStatus: number;
  readonly bytesFromClient: number;
  readonly bytesToClient: number;
  readonly error: string;
  readonly detail: string;
  /** Head of the reply with which the upstream declined; null where it did not. */
  readonly declined: HeaderBlock | null;
}

export type Chosen =
  | {
      readonly cluster: string;
      readonly address: Address;
      /** What it is sent: the request's head with the trace context of this attempt. */
      readonly head: HeaderBlock;
      /** The name that led to the address, '' where there is none. */
      readonly hostname: string;
      /** What binds the session of the client to this endpoint, for its reply. */
      readonly replyFields: readonly Field[];
      release(ending: Ending, error: ReplyError | null): void;
      readonly error?: undefined;
    }
  | { readonly error: ReplyError };

const noHead = new HeaderBlock([]);

/**
 * A WebSocket as a call: routed, picked, counted and recorded as one, while its octets go their own way. It lives as
 * long as its connection.
 */
export class UpgradeCall implements Cuttable {
  counted = false;
  previousCall: Cuttable | null = null;
  nextCall: Cuttable | null = null;
  private readonly context: ProxyContext;
  private readonly peer: Peer;
  private readonly destroy: () => void;
  private forwarding: Forwarding | null = null;
  private record: CallRecord | null = null;
  private trace: CallTrace | null = null;
  private tried: Set<Endpoint> | null = null;

  constructor(context: ProxyContext, peer: Peer, destroy: () => void) {
    this.context = context;
    this.peer = peer;
    this.destroy = destroy;
    context.calls.begin(this);
  }

  /** Routes at the first question, and picks at every one: another endpoint each time. */
  choose(head: HeaderBlock): Chosen {
    const { clock, router, telemetry } = this.context;
    this.forwarding ??= forwardingOf(head, router, telemetry.replaced, telemetry.requestText);
    this.record ??= newCallRecord(this.context, this.forwarding, this.peer);
    const { record } = this;
    this.trace ??= telemetry.begin(head, record);
    const { plan, refusal } = this.forwarding;
    if (refusal !== null) return { error: targetError(refusal) };
    if (plan === null) return { error: noRouteError(this.forwarding) };
    const { cluster } = plan;
    if (cluster.settings.protocol !== 'http1') {
      const detail = `route ${plan.route} leads to cluster ${cluster.name}, whose protocol is not http1`;
      return { error: { code: 'no_route', detail, mayHaveProcessed: false } };
    }
    if (this.context.memory.high) return { error: memoryError() };
    const nowMs = clock.now();
    // Only once: this is asked again for each endpoint that does not answer.
    if (plan.admission !== null && record.attempts.length === 0) {
      const { fault } = plan.admission;
      const error =
        rateLimited(plan.admission, head, this.peer.address, nowMs) ?? (fault && abortedBy(fault));
      if (error !== null) return { error };
    }
    if (cluster.full) return { error: cluster.fullError() };
    const key = cluster.affinity?.keyOf(head, this.peer.address) ?? '';
    const endpoint = cluster.pick(nowMs, this.tried, key);
    if (endpoint === null) return { error: noEndpointError(cluster) };
    this.tried ??= new Set();
    this.tried.add(endpoint);
    const attempt = newAttemptRecord(
      record,
      endpoint,
      cluster.explain(endpoint, nowMs, key),
      nowMs,
      record.attempts.length === 0 ? 'first' : 'transparent',
    );
    const traceparent = telemetry.attempt(record, this.trace, attempt);
    const forwarded = outgoingHead(
      this.forwarding.base,
      traceparent,
      this.trace,
      attempt,
      Number.POSITIVE_INFINITY,
    );
    cluster.begin(endpoint);
    const release = (ending: Ending, error: ReplyError | null): void => {
      attempt.endedMs = clock.now();
      if (error !== null) noteAttemptError(attempt, error);
      attempt.tally = ending.tally;
      cluster.end(endpoint, ending, attempt.endedMs - nowMs, attempt.endedMs);
    };
    const replyFields = cluster.affinity?.bind(noHead, key, endpoint).allFields ?? [];
    const { target: address, hostname } = endpoint;
    return { cluster: cluster.name, address, hostname, head: forwarded, replyFields, release };
  }

  cut(): void {
    this.destroy();
  }

  ended(result: UpgradeResult): void {
    this.context.calls.end(this);
    const { record, trace } = this;
    // Refused before it was even routed: the request was no WebSocket handshake.
    if (record === null || trace === null) return;
    record.endedMs = this.context.clock.now();
    record.httpStatus = result.httpStatus;
    const last = record.attempts.at(-1);
    // A status that Outrigger made is none of the endpoint's.
    if (last !== undefined && result.declined !== null) noteHead(record, last, result.declined);
    else if (last !== undefined && result.error === '') last.httpStatus = result.httpStatus;
    record.requestBytes = result.bytesFromClient;
    record.responseBytes = result.bytesToClient;
    record.error = result.error in replyErrors ? result.error : '';
    record.detail = boundedText(result.detail, detailCharsMax);
    // Without an error and without a status its client was gone before the endpoint had answered.
    const left = result.error === '' && result.httpStatus === 0;
    const ofClient = left || this.forwarding?.refusal != null || result.error === 'protocol_error';
    record.endedBy = ofClient ? 'client' : result.error === '' ? 'upstream' : 'outrigger';
    this.context.telemetry.settled(record, trace);
  }
}
