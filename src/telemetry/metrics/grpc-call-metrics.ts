import { grpcStatusName, grpcStatusNames } from '../../core/grpc-status.ts';
import type { CallRecord } from '../call-record.ts';
import { wallEndMs } from '../call-status.ts';
import type { HistogramData, HistogramFamily, Registry, Value, ValueFamily } from './registry.ts';

/**
 * Whole calls in the names of gRFC A66: `grpc.server.call.*` and `grpc.client.call.duration`. They show once more what
 * `rpc.server.call.duration` shows, for dashboards that are made for gRPC's own metrics, so they are counted only where somebody turns
 * them on.
 */

/** Calls of methods not yet known to be real, remembered until their first call settles. */
const pendingMethodsMax = 256;

export interface GrpcCallFamilies {
  readonly started: ValueFamily;
  readonly client: HistogramFamily;
  readonly server: HistogramFamily;
  readonly sent: HistogramFamily;
  readonly received: HistogramFamily;
}

export function declareGrpcCalls(
  registry: Registry,
  seconds: readonly number[],
  bytes: readonly number[],
): GrpcCallFamilies {
  const size = (name: string, help: string): HistogramFamily =>
    registry.histogram({ name, unit: 'By', bounds: bytes, help });
  return {
    client: registry.histogram({
      name: 'grpc.client.call.duration',
      unit: 's',
      bounds: seconds,
      help: 'Duration of a whole call to a cluster, with all its attempts (gRFC A66).',
    }),
    started: registry.counter({
      name: 'grpc.server.call.started',
      unit: '{call}',
      help: 'Calls of clients that began (gRFC A66).',
    }),
    server: registry.histogram({
      name: 'grpc.server.call.duration',
      unit: 's',
      bounds: seconds,
      help: 'Duration of a call as its client sees it (gRFC A66).',
    }),
    sent: size(
      'grpc.server.call.sent_total_compressed_message_size',
      'Bytes of response messages of a call, as compressed (gRFC A66).',
    ),
    received: size(
      'grpc.server.call.rcvd_total_compressed_message_size',
      'Bytes of request messages of a call, as compressed (gRFC A66).',
    ),
  };
}

/** Counts calls as they begin, when it is not known yet whether their method is a real one. */
export class StartedCalls {
  private readonly family: ValueFamily;
  /** The label of methods without a series of their own. */
  private readonly other: string;
  private readonly byPath = new Map<string, Value>();
  private readonly pending = new Map<string, number>();

  constructor(family: ValueFamily, other: string) {
    this.family = family;
    this.other = other;
  }

  started(path: string): void {
    const value = this.byPath.get(path);
    if (value !== undefined) return value.add(1);
    const before = this.pending.get(path);
    if (before !== undefined || this.pending.size < pendingMethodsMax)
      this.pending.set(path, (before ?? 0) + 1);
    else this.bind(this.other).add(1);
  }

  /** A call of this path has settled; `method` is its label. */
  settled(path: string, method: string): void {
    if (method !== this.other && !this.byPath.has(path)) this.byPath.set(path, this.bind(method));
    const pending = this.pending.get(path);
    if (pending === undefined) return;
    this.pending.delete(path);
    (this.byPath.get(path) ?? this.bind(this.other)).add(pending);
  }

  private bind(method: string): Value {
    return this.family.bind({ 'grpc.method': method });
  }
}

interface StatusSeries {
  /** Null for calls that had no cluster. */
  readonly client: HistogramData | null;
  readonly server: HistogramData;
  readonly sent: HistogramData;
  readonly received: HistogramData;
}

/** The series of one method on one cluster; those of other clusters share what has no target. */
export class SettledCalls {
  private readonly families: GrpcCallFamilies;
  private readonly method: string;
  private readonly target: string;
  private readonly byStatus: Array<StatusSeries | undefined> = new Array(grpcStatusNames.length).fill(
    undefined,
  );

  constructor(families: GrpcCallFamilies, method: string, target: string) {
    this.families = families;
    this.method = method;
    this.target = target;
  }

  /** `status` is one of the table. */
  record(status: number, seconds: number, record: CallRecord): void {
    const { client, server, sent, received } = this.byStatus[status] ?? this.bind(status);
    // The client's histogram has no exemplars: those of the server would be the same.
    client?.record(seconds);
    if (record.sampled) server.recordExemplar(seconds, record.traceId, wallEndMs(record));
    else server.record(seconds);
    sent.record(record.responseBytes);
    received.record(record.requestBytes);
  }

  private bind(status: number): StatusSeries {
    const { client, server, sent, received } = this.families;
    const labels = { 'grpc.method': this.method, 'grpc.status': grpcStatusName(status) };
    const bound = {
      client: this.target === '' ? null : client.bind({ ...labels, 'grpc.target': this.target }).data,
      server: server.bind(labels).data,
      sent: sent.bind(labels).data,
      received: received.bind(labels).data,
    };
    this.byStatus[status] = bound;
    return bound;
  }
}
