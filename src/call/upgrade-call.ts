import { boundedText } from '../core/bounded-text.ts';
import { type Ending, endings } from '../core/ending.ts';
import { HeaderBlock } from '../core/header-block.ts';
import type { StreamFailure } from '../core/message-stream.ts';
import { type ReplyError, replyErrors } from '../core/reply-error.ts';
import { detailCharsMax } from '../telemetry/request-text.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import type { OpenFailure, StreamOpener } from '../upstream/stream-opener.ts';
import { endingOfFailure, endingOfOpenFailure } from './attempt-endings.ts';
import { failureError, openFailureError } from './call-errors.ts';
import { noteHead } from './call-records.ts';
import { ConnectionRequest } from './connection-request.ts';
import { errorReply } from './local-reply.ts';
import { outgoingHead, withAuthority } from './outgoing-head.ts';
import type { Peer } from './peer.ts';
import { attemptHead, ownReplyHead, replyHeadOf } from './pipeline.ts';
import type { Abortable, ProxyContext } from './plan.ts';
import { mayReach, type StageLists } from './route-plan.ts';
import { routeRequest } from './routed-request.ts';
import type { DirectReply } from './stage.ts';

/** How the forwarding of an upgrade went; `http1/upgrade.ts` reports it. */
export interface UpgradeResult {
  readonly httpStatus: number;
  readonly bytesFromClient: number;
  readonly bytesToClient: number;
  readonly error: string;
  readonly detail: string;
  /** Head of the reply with which the upstream declined; null where it did not. */
  readonly declined: HeaderBlock | null;
}

/** The endpoint of one connection attempt, counted as active until `release`. */
export interface ChosenEndpoint {
  readonly endpoint: Endpoint;
  /** The request's head as this endpoint gets it. */
  readonly head: HeaderBlock;
  /** For `x-forwarded-for`; null where the head says all that the endpoint is to know of the client. */
  readonly clientAddress: string | null;
  /** The head of its reply to the handshake as the client gets it; or the error of a policy, with which the request ends. */
  replyHead(head: HeaderBlock): HeaderBlock | ReplyError;
  /** Opens a stream of the pool of an HTTP/2 endpoint, and returns what takes that back; null for HTTP/1.1. */
  readonly openStream: ((opener: StreamOpener) => () => void) | null;
  /** What the failure of such a stream is to the client, and what it says of the endpoint. */
  streamFailure(failure: StreamFailure | OpenFailure): AttemptFailure;
  release(ending: Ending, error: ReplyError | null): void;
}

export interface AttemptFailure {
  readonly error: ReplyError;
  readonly ending: Ending;
}

export type Chosen =
  | { readonly kind: 'endpoint'; readonly chosen: ChosenEndpoint }
  | { readonly kind: 'error'; readonly error: ReplyError }
  | { readonly kind: 'reply'; readonly reply: DirectReply };

const clientLeft: ReplyError = {
  code: 'protocol_error',
  detail: 'the client left before an endpoint was picked',
  mayHaveProcessed: false,
};

/** A WebSocket as a request: routed, admitted, counted and recorded as one. It lives as long as its connection. */
export class UpgradeCall extends ConnectionRequest implements Abortable {
  counted = false;
  previousCall: Abortable | null = null;
  nextCall: Abortable | null = null;
  private readonly destroy: () => void;
  private isAdmitted = false;

  constructor(context: ProxyContext, peer: Peer, head: HeaderBlock, destroy: () => void) {
    const { router, telemetry } = context;
    const routed = routeRequest(head, router, telemetry.replaced, telemetry.requestText, peer.address);
    super('websocket', context, peer, head, routed);
    this.destroy = destroy;
    context.calls.begin(this);
  }

  /** Runs the pipeline at the first question, and acquires an endpoint at every one: another one each time. */
  choose(chosen: (choice: Chosen) => void): void {
    if (this.isAdmitted) return chosen(this.next());
    this.run((outcome) => {
      if (outcome.kind === 'reply') return chosen({ kind: 'reply', reply: this.ownReply(outcome.reply) });
      if (outcome.kind === 'error') return chosen(outcome);
      this.isAdmitted = true;
      chosen(this.next());
    });
  }

  private next(): Chosen {
    const attempt = this.acquire(false);
    if ('code' in attempt) return { kind: 'error', error: attempt };
    const { lease, record, traceparent } = attempt;
    const { endpoint } = lease;
    const { outgoing } = this;
    const named = outgoing.authority === '' ? withAuthority(outgoing, endpoint) : outgoing;
    const forwarded = outgoingHead(named, traceparent, this.trace!, record, Number.POSITIVE_INFINITY);
    const plan = this.routed.plan!;
    const head = attemptHead(this, this.stages, forwarded, endpoint);
    if (!(head instanceof HeaderBlock)) {
      this.release(attempt, endings.terminated, head);
      return { kind: 'error', error: head };
    }
    const chosen: ChosenEndpoint = {
      endpoint,
      head,
      clientAddress: plan.forwardsClient ? this.record.clientAddress : null,
      replyHead: (reply) => this.replyHead(reply, endpoint),
      openStream: this.cluster!.settings.protocol === 'http2' ? streamsOf(endpoint) : null,
      streamFailure: (failure) => streamFailure(endpoint, failure),
      release: (ending, error) => this.release(attempt, ending, error),
    };
    return { kind: 'endpoint', chosen };
  }

  private get stages(): StageLists | null {
    return this.routed.plan?.stages?.websocket ?? null;
  }

  private replyHead(head: HeaderBlock, endpoint: Endpoint): HeaderBlock | ReplyError {
    const bound = this.cluster!.affinity?.bind(head, this.key, endpoint) ?? head;
    return this.stages === null ? bound : replyHeadOf(this, this.stages, bound, endpoint);
  }

  /** The reply that says an error. The policies of the route see its head as they see that of an endpoint. */
  errorReply(error: ReplyError): DirectReply {
    return this.ownReply(errorReply(error, handshake, this.record.id));
  }

  private ownReply({ head, body }: DirectReply): DirectReply {
    return { head: this.stages === null ? head : ownReplyHead(this, this.stages, head), body };
  }

  /** The client's connection is gone. */
  left(): void {
    this.stopWaiting(clientLeft);
  }

  abort(): void {
    this.destroy();
  }

  mayReach(cluster: Cluster): boolean {
    const { plan } = this.routed;
    if (!this.isAdmitted) return plan !== null && mayReach(plan, cluster);
    return this.cluster === cluster;
  }

  ended(result: UpgradeResult): void {
    this.context.calls.end(this);
    const { record, trace } = this;
    record.endedMs = this.clock.now();
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
    const ofClient = left || this.refusedBy === 'client' || result.error === 'protocol_error';
    const byUpstream = result.error === '' && record.attempts.length > 0;
    record.endedBy = ofClient ? 'client' : byUpstream ? 'upstream' : 'outrigger';
    this.followersSettled();
    this.context.telemetry.settled(record, trace!, this.routed.plan?.telemetry ?? null);
  }
}

/** A handshake is a GET. */
const handshake = { grpc: false, method: 'GET', contentType: '' };

function streamsOf({ pool }: Endpoint): (opener: StreamOpener) => () => void {
  return (opener) => {
    pool.open(opener);
    return () => pool.cancel(opener);
  };
}

function streamFailure(endpoint: Endpoint, failure: StreamFailure | OpenFailure): AttemptFailure {
  if ('kind' in failure)
    return { error: failureError(endpoint, failure, false), ending: endingOfFailure(failure, false) };
  return { error: openFailureError(failure), ending: endingOfOpenFailure(endpoint, failure) };
}
