import type { RequestView } from '../../call/stage.ts';
import type { Tally } from '../../core/ending.ts';
import type { Field } from '../../core/field.ts';
import { addNote } from '../../telemetry/call-record.ts';
import type { Registry, ValueFamily } from '../../telemetry/metrics/registry.ts';
import type { Cluster } from '../../upstream/cluster.ts';
import { routeLabels } from '../policy.ts';

/** Why a copy was not sent, or was stopped before its reply was whole. */
export type DropReason =
  | 'in_flight' // the route has as many copies as it may
  | 'no_endpoint' // the mirror cluster has none that is usable
  | 'overloaded' // a limit of the mirror cluster
  | 'connect_failed'
  | 'unsendable' // the mirror cluster's protocol or an endpoint's limit does not allow this head
  | 'buffer' // the endpoint took the body too slowly
  | 'request_ended' // the original ended before its body was whole
  | 'timeout';

const dropTexts: Readonly<Record<DropReason, string>> = {
  in_flight: 'as many copies as the route may have are in flight',
  no_endpoint: 'it has no usable endpoint',
  overloaded: 'it is at a limit',
  connect_failed: 'there is no connection to its endpoint',
  unsendable: 'its endpoint does not take the head of the request',
  buffer: 'its endpoint takes the body too slowly',
  request_ended: 'the request ended before its body was whole',
  timeout: 'it did not reply in time',
};

const outcomes: Readonly<Record<Tally, string>> = { ok: 'success', error: 'error', other: 'other' };

export interface MirrorMetrics {
  readonly sent: ValueFamily;
  readonly dropped: ValueFamily;
  readonly ended: ValueFamily;
}

export function declareMirrorMetrics(registry: Registry): MirrorMetrics {
  const counter = (name: string, help: string): ValueFamily =>
    registry.counter({ name: `outrigger.mirror.${name}`, unit: '{copy}', help });
  return {
    sent: counter('sent', 'Copies of requests of a route that were started at the mirror cluster.'),
    dropped: counter(
      'dropped',
      'Copies that were not sent, or that were cancelled before the reply was complete, by reason.',
    ),
    ended: counter('ended', 'Copies that were sent and have ended, by outcome: success, error, other.'),
  };
}

export interface MirrorLimits {
  readonly copiesMax: number;
  /** Body bytes of one copy that wait for the endpoint, and of all copies of the route together. */
  readonly bufferedBytesMax: number;
  readonly bufferedBytesTotalMax: number;
  /** How long a copy may take after its original is over, milliseconds. */
  readonly timeoutMs: number;
}

/** What the copies of one route share: where they go, their limits, and what is counted of them. */
export class MirrorRoute {
  readonly cluster: Cluster;
  readonly marker: Field;
  readonly limits: MirrorLimits;
  copies = 0;
  bufferedBytes = 0;
  private readonly metrics: MirrorMetrics;

  constructor(cluster: Cluster, marker: Field, limits: MirrorLimits, metrics: MirrorMetrics) {
    this.cluster = cluster;
    this.marker = marker;
    this.limits = limits;
    this.metrics = metrics;
  }

  /** Sets memory aside for body bytes of a copy that has `held` already; false where that would be too much. */
  reserve(bytes: number, held: number): boolean {
    const { bufferedBytesMax, bufferedBytesTotalMax } = this.limits;
    if (held + bytes > bufferedBytesMax || this.bufferedBytes + bytes > bufferedBytesTotalMax) return false;
    this.bufferedBytes += bytes;
    return true;
  }

  countSent(request: RequestView): void {
    this.metrics.sent.bind(this.labels(request)).add(1);
  }

  countDropped(request: RequestView, reason: DropReason): void {
    this.metrics.dropped.bind({ ...this.labels(request), 'outrigger.reason': reason }).add(1);
  }

  countEnded(request: RequestView, tally: Tally): void {
    this.metrics.ended.bind({ ...this.labels(request), 'outrigger.outcome': outcomes[tally] }).add(1);
  }

  /** Notes on the record of the original what became of its copy; null for a copy that goes out. */
  note({ record }: RequestView, dropped: DropReason | null): void {
    const { name } = this.cluster;
    const text =
      dropped === null
        ? `copied the request to cluster ${name}`
        : `dropped the copy for cluster ${name}: ${dropTexts[dropped]}`;
    addNote(record, { policy: 'mirror', text });
  }

  private labels(request: RequestView): Record<string, string> {
    return { ...routeLabels(request), 'outrigger.cluster': this.cluster.name };
  }
}
