import type { ErrorCode } from './error-code.ts';
import { GrpcStatus, grpcStatusOfReset } from './grpc-status.ts';

/**
 * How an attempt can end, whose doing each ending is, and what follows from that: the only such list in the program.
 * Outlier detection, the fail penalty, the latency statistics, the counters of an endpoint and the error rate all read it.
 *
 * The rule is: what the client causes never counts against an endpoint. A client may send whatever it likes, and nobody may
 * have healthy replicas ejected by it.
 *
 * Some endings can have either cause. A replica resets a stream because the request has more headers than it takes, or
 * because the replica is broken; a deadline passes because the client allowed too little time, or because the replica
 * hangs. Such an ending is `unclear`: it counts against an endpoint only where other endpoints of the cluster do better with
 * the same clients at the same time (`health/unclear-failures.ts`). Envoy draws its line in a similar place: a 500 is an
 * error but no gateway failure, and success rates are compared. gRFC A50 compares endpoints with each other as well.
 */

/** Whose doing an ending is. `either`: of the client or of the endpoint, and this one ending does not say which. */
export type Party = 'client' | 'endpoint' | 'either' | 'sidecar' | 'nobody';

/** What an ending says about the endpoint. */
export type Outcome =
  | 'success' // it did its work
  | 'failure' // it did not
  | 'unclear' // it did not, and the request may be the reason
  | 'neutral'; // nothing: it was not asked, or was stopped

/**
 * What an ending counts as in figures for people: `ok`, a server `error`, or `other`:
 * an error or cancellation of the client, and attempts that were not needed. See docs/admin.md, "What counts as an error".
 */
export type Tally = 'ok' | 'error' | 'other';

export interface Ending {
  readonly whose: Party;
  readonly outcome: Outcome;
  readonly tally: Tally;
}

const ending = (whose: Party, outcome: Outcome, tally: Tally): Ending =>
  Object.freeze({ whose, outcome, tally });

export const endings = {
  // The endpoint replied.
  /** OK, or an HTTP status below 400. */
  answered: ending('nobody', 'success', 'ok'),
  /** 4xx, NOT_FOUND, INVALID_ARGUMENT and the like: an answer about the request. */
  rejected: ending('client', 'success', 'other'),
  /** UNIMPLEMENTED, 501, 505: a server error by convention, but it is the client that chose what to ask for. */
  unsupported: ending('client', 'success', 'error'),
  /** UNKNOWN: what applications answer for errors of their own, and the libraries for an uncaught exception. */
  unknown: ending('nobody', 'success', 'error'),
  /** UNAVAILABLE, DATA_LOSS, 502, 503, 504: the endpoint itself says that it cannot do its work. */
  unavailable: ending('endpoint', 'failure', 'error'),
  /** INTERNAL, DEADLINE_EXCEEDED, 500 and other 5xx: libraries answer so to a message that they cannot parse, too. */
  internal: ending('either', 'unclear', 'error'),

  // The endpoint did not reply, or not in full.
  connectFailed: ending('endpoint', 'failure', 'error'),
  /**
   * The endpoint closed the connection while it had the request, with an error code or without a word: the request, or another
   * one on the same connection, may be why. It is too large, too slow, or not understood. An endpoint that is gone takes no
   * new connection either, and that counts.
   */
  connectionEnded: ending('either', 'unclear', 'error'),
  /** RST_STREAM, whatever its code: servers refuse with any of them what they do not like in a request. */
  reset: ending('either', 'unclear', 'error'),
  /** The same of a gRPC call with a code that is no error of the server: CANCEL, ENHANCE_YOUR_CALM, INADEQUATE_SECURITY. */
  resetAsRejected: ending('either', 'unclear', 'other'),
  /** The reply breaks its protocol or a limit; a server that echoes what the client sent can be made to do so. */
  malformedReply: ending('either', 'unclear', 'error'),
  /** The time was up, whoever set it: the client, the route, or `perTryTimeout`. The endpoint had the whole request. */
  timedOut: ending('either', 'unclear', 'error'),

  /** A UDP session in which the endpoint sent nothing. Many protocols have no replies, so it says nothing of the endpoint. */
  silent: ending('nobody', 'neutral', 'other'),

  // The client.
  cancelled: ending('client', 'neutral', 'other'),
  /** The client's deadline left no time to work, or passed while the client sent its request or read its reply. */
  clientDeadline: ending('client', 'neutral', 'other'),
  /** The request cannot be sent in the endpoint's protocol, or within the limit that the endpoint announced. */
  unsendable: ending('client', 'neutral', 'other'),

  // Nobody, or this process.
  /** Nothing of the request was processed: it had not left, or REFUSED_STREAM or GOAWAY says so. */
  notProcessed: ending('nobody', 'neutral', 'other'),
  /** Another attempt of the same call was chosen. */
  superseded: ending('nobody', 'neutral', 'other'),
  /** A limit of the cluster, here. */
  overloaded: ending('sidecar', 'neutral', 'other'),
  /** This process ended the call: a drain, a limit, a bug. */
  terminated: ending('sidecar', 'neutral', 'other'),
} as const satisfies Readonly<Record<string, Ending>>;

/** Whether the endpoint did not even begin with the request. */
export function didNoWork(ending: Ending): boolean {
  return ending === endings.notProcessed || ending === endings.connectFailed;
}

const bit = (...names: ReadonlyArray<keyof typeof GrpcStatus>): number =>
  names.reduce((bits, name) => bits | (1 << GrpcStatus[name]), 0);

const unavailable = bit('UNAVAILABLE', 'DATA_LOSS');
const internal = bit('INTERNAL', 'DEADLINE_EXCEEDED');

/**
 * How an attempt ended that got a whole gRPC reply with this status. Its tally is `error` for the statuses that are errors of the
 * server in OpenTelemetry's "Semantic conventions for gRPC".
 */
export function endingOfGrpc(status: number): Ending {
  if (status === GrpcStatus.OK) return endings.answered;
  if (((unavailable >> status) & 1) === 1) return endings.unavailable;
  if (((internal >> status) & 1) === 1) return endings.internal;
  if (status === GrpcStatus.UNKNOWN) return endings.unknown;
  return status === GrpcStatus.UNIMPLEMENTED ? endings.unsupported : endings.rejected;
}

/** The same for any other HTTP reply: 5xx are errors of the server (OpenTelemetry "Semantic conventions for HTTP"). */
export function endingOfHttp(status: number): Ending {
  if (status < 400) return endings.answered;
  if (status < 500) return endings.rejected;
  if (status >= 502 && status <= 504) return endings.unavailable;
  return status === 501 || status === 505 ? endings.unsupported : endings.internal;
}

/** How an attempt ended whose stream the endpoint reset: it counts as the status that the client gets for it. */
export function endingOfReset(code: ErrorCode, grpc: boolean): Ending {
  return !grpc || endingOfGrpc(grpcStatusOfReset(code)).tally === 'error'
    ? endings.reset
    : endings.resetAsRejected;
}
