import type { Clock } from '../core/clock.ts';
import type { Field } from '../core/field.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { ReplyError } from '../core/reply-error.ts';
import type { CallRecord } from '../telemetry/call-record.ts';
import type { RouteTelemetry } from '../telemetry/route-telemetry.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import type { NewDispatcher } from './dispatch/dispatcher.ts';
import type { Peer } from './peer.ts';

/** The kinds of traffic that run the pipeline (`pipeline.ts`). */
export type Traffic = 'grpc' | 'http' | 'websocket' | 'tcp' | 'udp';

export const allTraffic: readonly Traffic[] = ['grpc', 'http', 'websocket', 'tcp', 'udp'];
/** Traffic that has a head with fields. */
export const requestTraffic: readonly Traffic[] = ['grpc', 'http', 'websocket'];
/** Traffic whose reply passes through Outrigger as head, data and trailers. */
export const replyTraffic: readonly Traffic[] = ['grpc', 'http'];

/** A request as the stages of its route see it, and what they may change of it before an endpoint is picked. */
export interface RequestView {
  readonly traffic: Traffic;
  readonly clock: Clock;
  readonly peer: Peer;
  readonly record: CallRecord;
  /** The head as the client sent it; without fields for TCP and UDP. */
  readonly requestHead: HeaderBlock;
  /** The head that endpoints get, but for the trace context and the timeout that is left. */
  readonly outgoing: HeaderBlock;
  /** The cluster that gets the request; null until a stage of a route without `cluster` has chosen one. */
  readonly cluster: Cluster | null;
  /** HTTP/1.1 endpoints get the address of the client in headers of Outrigger's own; false where a stage writes them. */
  readonly forwardsClient: boolean;
  /** Nothing follows the part of the request that has arrived. */
  readonly requestEnded: boolean;
  /** Sends the request to this cluster instead. */
  useCluster(cluster: Cluster): void;
  /** Gives endpoints this head instead. */
  useHead(outgoing: HeaderBlock): void;
  /** Returns the trace headers of a message that a stage sends because of this request; none for TCP and UDP. */
  traceContext(): readonly Field[];
  /** Lets a stage see the body of this request and its end. What has arrived of the body is shown at once. */
  follow(follower: Follower): void;
}

/** Sees one request from its admission to its end. All methods must return at once, and must not throw. */
export interface Follower {
  /** Part of the request body; valid during the call only. An error ends the request. */
  data?(bytes: Uint8Array, start: number, end: number, last: boolean): ReplyError | null;
  trailers?(trailers: HeaderBlock): void;
  /** The head of the reply of an endpoint, as the client gets it. A reply that Outrigger gives itself is not shown: see the record. */
  replyHead?(head: HeaderBlock): void;
  /** Part of the body of that reply; valid during the call only. */
  replyData?(bytes: Uint8Array, start: number, end: number): void;
  /** The trailers of that reply, as the client gets them. */
  replyTrailers?(trailers: HeaderBlock): void;
  /** The request is over, whichever way; its record is final. Called once, last. */
  settled?(record: CallRecord): void;
}

/** A reply that Outrigger gives without an endpoint. For gRPC the head holds the status, and there is no body. */
export interface DirectReply {
  readonly head: HeaderBlock;
  readonly body: Uint8Array | null;
}

/** What a stage decides about a request: null lets it go on. */
export type Verdict =
  | null
  | { readonly kind: 'error'; readonly error: ReplyError }
  | { readonly kind: 'reply'; readonly reply: DirectReply }
  /** The stage calls `resume` later. `cancel` is called where the request ends before. */
  | { readonly kind: 'wait'; readonly cancel: () => void };

/** Goes on after a wait, with the next stage or with what the stage has decided by now. */
export type Resume = (verdict: Verdict) => void;

/** Something that a policy of a route shows of itself, such as how many requests it has sent to a cluster. */
export interface PolicyFact {
  /** What the fact is about, such as the name of a cluster. */
  readonly name: string;
  /** One line, which follows the name: `4.8% of requests (61), 5% by weight`. */
  readonly text: string;
}

/** What one policy of a route does to its requests, compiled. Shared by all requests of the route; a policy without a hook costs nothing there. */
export interface Stage {
  /** The key of the policy in a route. */
  readonly policy: string;
  readonly appliesTo: readonly Traffic[];
  /** Upper bound on the duration of the whole request, milliseconds. */
  readonly timeoutMs?: number;
  /**
   * The policy writes what endpoints get to know of the client (`X-Forwarded-For`, `X-Forwarded-Proto`). HTTP/1.1 endpoints get
   * nothing of that otherwise.
   */
  readonly writesForwarded?: boolean;
  /** How the attempts of a request are made; by default one at a time, with transparent retries. */
  readonly newDispatcher?: NewDispatcher;
  /** How requests are traced and logged; known before they reach any stage. */
  readonly telemetry?: RouteTelemetry;
  /** Returns what `/routes` and the live page show of the policy. Called when they are read, never for a request. */
  facts?(): readonly PolicyFact[];
  /** Before an endpoint is picked: lets the request go on, delays it, or answers it. */
  request?(request: RequestView, resume: Resume): Verdict;
  /** The head of one attempt, whose endpoint is known. An error ends the request, here and below. */
  attempt?(request: RequestView, head: HeaderBlock, endpoint: Endpoint): HeaderBlock | ReplyError;
  /** The head of the reply, also of one that Outrigger gives itself. `endpoint` is null there. */
  reply?(request: RequestView, head: HeaderBlock, endpoint: Endpoint | null): HeaderBlock | ReplyError;
  /** The trailers of the reply. */
  trailers?(request: RequestView, trailers: HeaderBlock, endpoint: Endpoint | null): HeaderBlock | ReplyError;
}
