import { formatAddress } from '../core/address.ts';
import type { EndpointSpec } from '../core/endpoint-spec.ts';

/**
 * Where a cluster's endpoints come from. A source publishes whole lists, each address once, and only when
 * something changed. Trouble (no answer; an empty answer, unless the source is sure of it) is not a change: the last
 * good list stands, and `status` says what is wrong.
 */
export interface DiscoverySource {
  /** Where the list comes from, in plain words: `DNS name orders, port 50051`. */
  readonly describe: string;
  /** What a person may do where it gives no endpoints, for `outrigger check`. */
  readonly advice: string;
  /** A fresh snapshot at each read. */
  readonly status: DiscoveryStatus;
  /** Begins to publish, perhaps before it returns. Once only. */
  start(publish: Publish): void;
  /** Something failed on the data path: resolve again early. Rate limited, cheap to call often, harmless before start and after stop. */
  refresh(): void;
  /** Publishes nothing after this. Harmless when repeated. */
  stop(): void;
}

export type Publish = (list: readonly EndpointSpec[]) => void;

export interface DiscoveryStatus {
  /** A list has been published. */
  readonly answered: boolean;
  /** How many endpoints the published list has. */
  readonly endpoints: number;
  /** `Clock.now()` of the latest good answer, whether or not it changed anything; 0 before the first. */
  readonly lastAnswerMs: number;
  /** Why the latest attempt gave no list, or what is wrong with the list, '' for nothing. */
  readonly lastError: string;
}

/** Each address once; where one is repeated the first stands. */
export function withoutRepeats(list: readonly EndpointSpec[]): EndpointSpec[] {
  const byAddress = new Map<string, EndpointSpec>();
  for (const spec of list) {
    const key = formatAddress(spec.address);
    if (!byAddress.has(key)) byAddress.set(key, spec);
  }
  return [...byAddress.values()];
}

/** Do two lists say the same, in the same order? */
export function sameEndpoints(a: readonly EndpointSpec[], b: readonly EndpointSpec[]): boolean {
  return (
    a.length === b.length &&
    a.every((one, i) => {
      const other = b[i];
      return (
        formatAddress(one.address) === formatAddress(other.address) &&
        (one.hostname ?? '') === (other.hostname ?? '') &&
        one.weight === other.weight &&
        one.zone === other.zone &&
        one.priority === other.priority
      );
    })
  );
}
