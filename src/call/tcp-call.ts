import { boundedText } from '../core/bounded-text.ts';
import type { Ending } from '../core/ending.ts';
import { HeaderBlock } from '../core/header-block.ts';
import type { CallRecord } from '../telemetry/call-record.ts';
import { detailCharsMax } from '../telemetry/request-text.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import { noEndpointError } from './call-errors.ts';
import { type CallIdentity, newAttemptRecord, newCallRecord, type Peer } from './call-records.ts';
import type { ProxyContext } from './plan.ts';

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
  release(ending: Ending, error: string, detail: string): void;
}

/** A connection has no head to take a key from: only its source address may be one. */
const noHead = new HeaderBlock([]);
const noRequest: CallIdentity = { plan: null, grpc: false, method: 'TCP', authority: '', path: '' };

/** A connection of a listener with `protocol: tcp`: picked and remembered as a call, without a request. */
export class TcpCall {
  private readonly context: ProxyContext;
  private readonly record: CallRecord;
  private readonly tried = new Set<Endpoint>();
  private noEndpoint = '';

  constructor(context: ProxyContext, peer: Peer) {
    this.context = context;
    this.record = newCallRecord(context, noRequest, peer);
    this.record.tcp = true;
  }

  /**
   * Picks another endpoint each time; where there is no other, the same again. Null where there is none. The cluster is that of
   * the moment: a reload may have put another in its place.
   */
  choose(cluster: Cluster): TcpChoice | null {
    const { record } = this;
    record.cluster = cluster.name;
    const { clock } = this.context;
    const nowMs = clock.now();
    const key = cluster.affinity?.keyOf(noHead, record.clientAddress) ?? '';
    const pick = (excluded: Set<Endpoint> | null): Endpoint | null =>
      cluster.full ? null : cluster.pick(nowMs, excluded, key);
    const endpoint = pick(this.tried) ?? pick(null);
    if (endpoint === null) {
      this.noEndpoint = (cluster.full ? cluster.fullError() : noEndpointError(cluster)).detail;
      return null;
    }
    const reason = cluster.explain(endpoint, nowMs, key);
    this.tried.add(endpoint);
    const kind = record.attempts.length === 0 ? 'first' : 'transparent';
    const attempt = newAttemptRecord(record, endpoint, reason, nowMs, kind);
    cluster.begin(endpoint);
    return {
      endpoint,
      release(ending, error, detail) {
        attempt.endedMs = clock.now();
        attempt.error = error;
        if (error !== '') attempt.message = boundedText(detail, detailCharsMax);
        attempt.tally = ending.tally;
        cluster.end(endpoint, ending, attempt.endedMs - nowMs, attempt.endedMs);
      },
    };
  }

  /** The connection is over. Returns the sentence of its error, '' for none. */
  ended(result: TcpResult): string {
    const { record } = this;
    record.endedMs = this.context.clock.now();
    record.requestBytes = result.bytesFromClient;
    record.responseBytes = result.bytesToClient;
    record.error = result.error;
    record.detail = this.noEndpoint || result.detail;
    record.endedBy = result.endedBy;
    this.context.telemetry.recent.add(record);
    return record.detail;
  }
}
