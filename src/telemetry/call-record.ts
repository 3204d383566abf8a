import type { Tally } from '../core/ending.ts';
import type { PickDetails } from '../core/pick-details.ts';
import type { StreamWait } from '../core/stream-wait.ts';
import type { SpanId, TraceId } from '../core/trace-id.ts';

/**
 * Why an attempt was made. `transparent`: the one before never left or was refused, so it is free. `retry` and `hedge`:
 * by the policy of the route.
 */
export type AttemptKind = 'first' | 'transparent' | 'retry' | 'hedge';

/** Why a policy that would have had another attempt did not get it. */
export type WithheldReason =
  | 'attempts' // the route allows no more
  | 'budget' // of the route
  | 'limit' // of the cluster
  | 'pushback' // the server forbids retries (grpc-retry-pushback-ms)
  | 'deadline' // it would have passed before
  | 'replay' // the request is no longer at hand
  | 'committed'; // part of a reply had gone to the client

/** Something that makes its text, one plain sentence, only when asked. */
export interface Explanation {
  toString(): string;
}

/** Why an endpoint was picked. */
export interface PickExplanation extends Explanation {
  /** Keeps what later calls overwrite, of a call that is remembered for long. */
  keep?(): void;
  /** The endpoints at that moment; null where they are not known. */
  details?(): PickDetails | null;
}

/** What a policy did to one request, for `/explain` and the access log. */
export interface PolicyNote {
  /** The key of the policy in a route. */
  readonly policy: string;
  /** A plain sentence without the policy's name: `delayed the request by 200 ms`. */
  readonly text: Explanation;
  /** Keys of its own in the access log. */
  readonly facts?: Readonly<Record<string, string | number>>;
}

/** Of every request whose policies had nothing to note. */
export const noNotes: readonly PolicyNote[] = [];

/** Notes of one request; what is beyond is left out. */
const notesMax = 16;

/** Adds what a policy did to the record of a request. */
export function addNote(record: CallRecord, note: PolicyNote): void {
  if (record.notes.length < notesMax) record.notes = [...record.notes, note];
}

/** What a connection really uses; '' where that is not known. */
export type HttpScheme = '' | 'http' | 'https';
/** HTTP version of a connection; HTTP/1.0 counts as 1.1. '' where it is not known, or there is no HTTP. */
export type HttpVersion = '' | '1.1' | '2';

/** One attempt at an endpoint, as remembered on the call's record. Times are `Clock.now()` milliseconds. */
export interface AttemptRecord {
  /** Counts from 1. */
  readonly number: number;
  /** `formatAddress` of the endpoint. */
  readonly endpoint: string;
  /** Host and port for the span; port 0 for a Unix socket. */
  readonly peerHost: string;
  readonly peerPort: number;
  readonly scheme: HttpScheme;
  readonly httpVersion: HttpVersion;
  /** Why this endpoint: numbers, that become words when asked for their text; its text is '' where nothing is known. */
  readonly pick: PickExplanation;
  readonly startedMs: number;
  endedMs: number;
  /** The wait for a connection or a free stream; null where there was none, or it came to nothing. */
  wait: StreamWait | null;
  /** gRPC status code, or -1 where the attempt ended without one. */
  grpcStatus: number;
  /** HTTP status of the reply, 0 where none came. */
  httpStatus: number;
  /** A `ReplyErrorCode` or reset name where the attempt failed, else ''. */
  error: string;
  /** The endpoint got the request, and did not say that it left the request alone (REFUSED_STREAM, GOAWAY). */
  mayHaveProcessed: boolean;
  /** What it counts as, once it has ended; '' before. */
  tally: Tally | '';
  /**
   * What the upstream said of its status (`grpc-message`; of HTTP a reason phrase or `x-outrigger-error`), or how the attempt
   * failed. Its text is '' where nothing was said, and on success.
   */
  message: Explanation;
  readonly kind: AttemptKind;
  /** What became of it, where that was a decision: why another one followed, or why not. In plain words, else ''. */
  verdict: string;
  withheld: WithheldReason | '';
  /** Of the CLIENT span, that the upstream got as its parent; `noSpanId` where it got none. */
  spanId: SpanId;
}

/**
 * Who ended a call: the upstream by a whole reply; the client by cancelling, by a deadline of its own that left no time, or by
 * a request that had to be refused; else Outrigger.
 */
export type EndedBy = 'upstream' | 'client' | 'outrigger';

/** Which route took a call, why, and why not those before it; worked out when asked. No part of any JSON. */
export interface RoutesOfCall {
  explain(call: CallRecord): RouteSteps;
  toJSON(): undefined;
}

/** The routes of a listener in their order, up to the one that took the request. */
export interface RouteSteps {
  readonly steps: readonly RouteStep[];
  /** Routes between the last step and the one that took the request, which are not listed. */
  readonly leftOut: number;
}

export interface RouteStep {
  readonly route: string;
  readonly matched: boolean;
  /** The conditions that matched, of a route that took the request; of another route those that did not. */
  readonly reasons: readonly string[];
}

/**
 * Everything worth knowing of one call. Filled in place by `src/call/` while the call runs, handed to telemetry
 * once, when it settled; after that it is read-only (the recent-calls ring keeps it).
 */
export interface CallRecord {
  /** Unique in this process; what `/explain/ID` takes. */
  id: number;
  listener: string;
  route: string;
  cluster: string;
  /** The routes that it was matched with; null for TCP and UDP, whose listener has none. */
  readonly routes: RoutesOfCall | null;
  /** Content type says gRPC. */
  grpc: boolean;
  /** A connection of a listener with `protocol: tcp`: it has no method, path or status. */
  tcp: boolean;
  /** A session of a listener with `protocol: udp`, likewise. */
  udp: boolean;
  scheme: HttpScheme;
  httpVersion: HttpVersion;
  httpMethod: string;
  authority: string;
  /** `:path` as it came. For gRPC without the leading slash it is `rpc.method`, `pkg.Svc/Method`. */
  path: string;
  clientAddress: string;
  clientPort: number;
  startedWallMs: number;
  startedMs: number;
  /** When the reply head was relayed; 0 where none was. */
  headMs: number;
  endedMs: number;
  /** gRPC status the client got; -1 for a call that is not gRPC. */
  grpcStatus: number;
  /** HTTP status the client got; 0 where it got none. */
  httpStatus: number;
  endedBy: EndedBy;
  /** A `ReplyErrorCode` where Outrigger made the reply, else ''. */
  error: string;
  /** The sentence of the error, else ''. */
  detail: string;
  /** What the policies of the route did to it, in their order; `noNotes` where they did nothing worth a note. */
  notes: readonly PolicyNote[];
  requestBytes: number;
  responseBytes: number;
  /** gRPC messages, or datagrams of a UDP session; otherwise 0. */
  requestMessages: number;
  responseMessages: number;
  attempts: AttemptRecord[];
  /** Number of the attempt that was chosen among several side by side; 0 where the last one is the call's. */
  chosen: number;
  /** `noTraceId` where tracing is off. */
  traceId: TraceId;
  sampled: boolean;
}
