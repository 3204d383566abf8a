import type { Ending } from '../core/ending.ts';
import { HeaderBlock } from '../core/header-block.ts';
import type { ReplyError, ReplyErrorCode } from '../core/reply-error.ts';
import type { CallRecord } from '../telemetry/call-record.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import { ConnectionRequest } from './connection-request.ts';
import type { Peer } from './peer.ts';
import type { ProxyContext } from './plan.ts';
import type { RoutedRequest } from './routed-request.ts';

/** How a connection or session went. */
export interface PassthroughResult {
  readonly bytesFromClient: number;
  readonly bytesToClient: number;
  /** Only of UDP. */
  readonly datagramsFromClient?: number;
  readonly datagramsToClient?: number;
  readonly error: string;
  readonly detail: string;
  readonly endedBy: CallRecord['endedBy'];
}

/** The endpoint that was picked for a connection or session, counted as active until `release`. */
export interface PassthroughChoice {
  readonly endpoint: Endpoint;
  /** The endpoint sent the first bytes of its own. */
  answered(): void;
  /** `error` is a code of the table where it failed, else '', and `detail` a sentence. */
  release(ending: Ending, error: ReplyErrorCode | '', detail: string): void;
}

/** Layer 4 has no head: only the source address may be a key. */
const noHead = new HeaderBlock([]);

/**
 * A connection or session of a listener with `protocol: tcp` or `udp`: the pipeline, the pick and the record of a request, without
 * a head.
 */
export class PassthroughCall extends ConnectionRequest {
  private readonly latest: () => ProxyContext;

  /** `latest` gives the listener's context of the moment: a reload may put another cluster in the place of the first. */
  constructor(traffic: 'tcp' | 'udp', latest: () => ProxyContext, peer: Peer) {
    const context = latest();
    super(traffic, context, peer, noHead, routedTo(context, traffic));
    this.latest = latest;
  }

  /** Another endpoint each time; `mayRepeat` allows the same again where there is no other. An error where there is none. */
  choose(mayRepeat = true): PassthroughChoice | ReplyError {
    const { record } = this;
    const { passthrough } = this.latest();
    if (record.attempts.length > 0 && passthrough?.cluster != null) this.useCluster(passthrough.cluster);
    else {
      const refusal = this.admit();
      if (refusal !== null) return refusal;
    }
    const attempt = this.acquire(mayRepeat);
    if ('code' in attempt) return attempt;
    return {
      endpoint: attempt.lease.endpoint,
      answered: () => attempt.lease.answered(attempt.lease.startedMs),
      release: (ending, code, detail) => {
        const error = code === '' ? null : { code, detail, mayHaveProcessed: false };
        this.release(attempt, ending, error);
      },
    };
  }

  private admit(): ReplyError | null {
    let refusal: ReplyError | null = null;
    // No stage of a route acts on Layer 4, so the pipeline is over when this returns.
    this.run((outcome) => {
      if (outcome.kind === 'error') refusal = outcome.error;
    });
    return refusal;
  }

  /**
   * The endpoint cannot be used any more and another one can, or a reload has put another cluster in the place of the one that
   * the endpoint belongs to.
   */
  shouldLeave(endpoint: Endpoint): boolean {
    const latest = this.latest().passthrough?.cluster ?? null;
    if (latest === null) return false;
    if (latest !== this.cluster) return true;
    if (endpoint.unusableBecause === '') return false;
    return latest.all().some((other) => other !== endpoint && other.unusableBecause === '');
  }

  /** The connection or session is over. */
  ended(result: PassthroughResult): void {
    const { record } = this;
    record.endedMs = this.clock.now();
    record.requestBytes = result.bytesFromClient;
    record.responseBytes = result.bytesToClient;
    record.requestMessages = result.datagramsFromClient ?? 0;
    record.responseMessages = result.datagramsToClient ?? 0;
    record.error = result.error;
    record.detail = result.detail;
    record.endedBy = result.endedBy;
    this.followersSettled();
    this.context.telemetry.connectionSettled(record);
  }
}

function routedTo({ passthrough }: ProxyContext, traffic: 'tcp' | 'udp'): RoutedRequest {
  return {
    plan: passthrough,
    refusal: null,
    base: noHead,
    timeoutMs: Number.POSITIVE_INFINITY,
    grpc: false,
    contentType: '',
    rpcMethod: null,
    method: traffic.toUpperCase(),
    path: '',
    authority: '',
  };
}
