import type { Clock } from '../../core/clock.ts';
import type { Ending } from '../../core/ending.ts';
import type { HeaderBlock } from '../../core/header-block.ts';
import type { ReplyError } from '../../core/reply-error.ts';
import type { CallRecord, EndedBy } from '../../telemetry/call-record.ts';
import type { Telemetry } from '../../telemetry/telemetry.ts';
import type { CallTrace } from '../../telemetry/tracing.ts';
import type { Cluster } from '../../upstream/cluster.ts';
import type { Endpoint } from '../../upstream/endpoint.ts';
import type { MethodRef } from '../../upstream/method-slots.ts';
import type { Attempt } from '../attempt.ts';
import type { Deadline } from '../deadline.ts';
import type { ReplayBudget, ReplayBuffer } from '../replay-buffer.ts';

/**
 * Makes the attempts of one call and decides which of them answers it. The call gives it the request, and gets the reply of
 * one attempt or an error. A route is compiled to the function that makes its dispatchers: `OnceDispatcher`, or
 * `RetryDispatcher` or `HedgeDispatcher` where its policies say so.
 */
export interface Dispatcher {
  /** An attempt has or had a stream: some endpoint may have begun to work on the call. */
  readonly begun: boolean;
  /** The same of an attempt other than the one whose reply the client gets: an error of the call must say so. */
  readonly othersMayHaveProcessed: boolean;
  /** The body of the request so far, all of it until `start` is called; null where nothing is kept. */
  readonly keptBody: Pick<ReplayBuffer, 'bytes' | 'length'> | null;
  /** The trailers of the request, once they have arrived. */
  readonly requestTrailers: HeaderBlock | null;
  /** Begins the first attempt. Until then `data` and `trailers` are kept. */
  start(cluster: Cluster, nowMs: number): void;
  /** Sends part of the request body; `last` ends the request. The call has counted it already. */
  data(bytes: Uint8Array, start: number, end: number, last: boolean): void;
  /** Sends the trailers of the request, which end it. */
  trailers(trailers: HeaderBlock): void;
  /** This many bytes of the reply have left for the client: its endpoint may send as many more. */
  consumed(bytes: number): void;
  /** Ends all attempts because the deadline of the call has passed. Returns who is to blame. */
  expire(nowMs: number): EndedBy;
  /** Ends all attempts because the call ends; `ending` is that of the attempt whose reply the client gets. */
  cancel(ending: Ending, nowMs: number): void;
  /** Releases all that is held for further attempts: the call is settled. Only `consumed` is called afterwards. */
  stop(): void;
}

/** Makes the dispatcher of one call. */
export type NewDispatcher = (call: DispatchedCall) => Dispatcher;

/** What a dispatcher needs of its call. */
export interface DispatchedCall {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Memory for the replay buffers of all calls. */
  readonly replayBudget: ReplayBudget;
  readonly record: CallRecord;
  /** Set once the call has started. */
  readonly trace: CallTrace | null;
  readonly clientAddress: string;
  /** HTTP/1.1 endpoints get `x-forwarded-for` and `x-forwarded-proto` from the connection. */
  readonly forwardsClient: boolean;
  readonly grpc: boolean;
  /** The method of a gRPC call, for the counters of endpoints; null for any other request. */
  readonly rpcMethod: MethodRef | null;
  /** The key by which the cluster assigns the call to an endpoint; '' for none. */
  readonly affinityKey: string;
  /** The head that endpoints get, without the trace context and the timeout that is left. */
  readonly outgoing: HeaderBlock;
  /** The client has sent its whole request. */
  readonly requestEnded: boolean;
  /** `Clock.now()` when the client last sent part of the request; kept only where the cluster learns from latency. */
  readonly requestMovedMs: number;
  /** Null for a call without a time limit. */
  readonly deadline: Deadline | null;
  /** The client has set the deadline, and not the route. */
  readonly clientSetDeadline: boolean;
  /** Applies the stages that act on attempts to the head of one; null, and the call has failed, where one of them gave an error. */
  attemptHead(head: HeaderBlock, endpoint: Endpoint): HeaderBlock | null;
  /** This many bytes of the request have left for an endpoint: the client may send as many more. */
  requestSent(bytes: number): void;
  /** An endpoint has the head of the request: a client that waits for this may send the body. */
  bodyExpected(): void;
  /** Relays an interim reply, which comes before the head. */
  replyInterim(head: HeaderBlock): void;
  /** Relays the head of the reply; nothing follows it where `end` is true. */
  replyHead(attempt: Attempt, head: HeaderBlock, end: boolean): void;
  replyData(bytes: Uint8Array, start: number, end: number, last: boolean): void;
  replyTrailers(attempt: Attempt, trailers: HeaderBlock): void;
  /** The whole reply has been relayed, and its attempt has ended. */
  replyEnded(nowMs: number): void;
  /** The deadline has passed. */
  expire(): void;
  /** Ends the call with an error. `endedBy` is who caused it, by default Outrigger. */
  fail(error: ReplyError, endedBy?: EndedBy): void;
}
