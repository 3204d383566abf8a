import type { Ending } from '../core/ending.ts';
import { HeaderBlock } from '../core/header-block.ts';
import type { ReplyError, ReplyErrorCode } from '../core/reply-error.ts';
import type { CallRecord } from '../telemetry/call-record.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import { ConnectionRequest } from './connection-request.ts';
import type { Peer } from './peer.ts';
import type { ProxyContext } from './plan.ts';
import type { RoutedRequest } from './routed-request.ts';

/** How a connection went. */
export interface TcpResult {
  readonly bytesFromClient: number;
  readonly bytesToClient: number;
  readonly error: string;
  readonly detail: string;
  readonly endedBy: CallRecord['endedBy'];
}

/** The endpoint that was picked for a connection, counted as active until `release`. */
export interface TcpChoice {
  readonly endpoint: Endpoint;
  /** `error` is a code of the table where it failed, else '', and `detail` a sentence. */
  release(ending: Ending, error: ReplyErrorCode | '', detail: string): void;
}

/** A connection has no head: only its source address may be a key. */
const noHead = new HeaderBlock([]);

/** A connection of a listener with `protocol: tcp`: the pipeline, the pick and the record of a request, without a head. */
export class TcpCall extends ConnectionRequest {
  private readonly latest: () => ProxyContext;

  /** `latest` gives the listener's context of the moment: a reload may put another cluster in the place of the first. */
  constructor(latest: () => ProxyContext, peer: Peer) {
    const context = latest();
    super('tcp', context, peer, noHead, routedTcp(context));
    this.latest = latest;
  }

  /** Another endpoint each time; where there is no other, the same again. An error where there is none. */
  choose(): TcpChoice | ReplyError {
    const { record } = this;
    const { tcp } = this.latest();
    if (record.attempts.length > 0 && tcp?.cluster != null) this.useCluster(tcp.cluster);
    else {
      const refusal = this.admit();
      if (refusal !== null) return refusal;
    }
    const attempt = this.acquire(true);
    if ('code' in attempt) return attempt;
    return {
      endpoint: attempt.lease.endpoint,
      release: (ending, code, detail) => {
        const error = code === '' ? null : { code, detail, mayHaveProcessed: false };
        this.release(attempt, ending, error);
      },
    };
  }

  private admit(): ReplyError | null {
    let refusal: ReplyError | null = null;
    // No stage of a route acts on TCP connections, so the pipeline is over when this returns.
    this.run((outcome) => {
      if (outcome.kind === 'error') refusal = outcome.error;
    });
    return refusal;
  }

  /** The connection is over. */
  ended(result: TcpResult): void {
    const { record } = this;
    record.endedMs = this.clock.now();
    record.requestBytes = result.bytesFromClient;
    record.responseBytes = result.bytesToClient;
    record.error = result.error;
    record.detail = result.detail;
    record.endedBy = result.endedBy;
    this.followersSettled();
    this.context.telemetry.recent.add(record);
  }
}

function routedTcp({ tcp }: ProxyContext): RoutedRequest {
  return {
    plan: tcp,
    refusal: null,
    base: noHead,
    timeoutMs: Number.POSITIVE_INFINITY,
    grpc: false,
    contentType: '',
    rpcMethod: null,
    method: 'TCP',
    path: '',
    authority: '',
  };
}
