import { ErrorCode, errorCodeName } from '../core/error-code.ts';

/**
 * What gRFC A94 has metrics of. A subchannel is what connects to one address; here it is the HTTP/2 pool of an endpoint, which may
 * have several connections. Metrics add up the endpoints of a cluster that are in the same zone: `grpc.target` and
 * `grpc.lb.locality`.
 */

/** Why a connection that could carry calls ended; these are all values of `grpc.disconnect_error`. */
export type DisconnectError =
  | `GOAWAY ${string}`
  | 'subchannel shutdown'
  | 'connection reset'
  | 'connection timed out'
  | 'connection aborted'
  | 'socket error'
  | 'unknown';

export type SecurityLevel = 'none' | 'privacy_and_integrity';

/** Returns the reason for a GOAWAY of the endpoint. A code without a name counts as INTERNAL_ERROR (RFC 9113 section 7), so that no peer adds values. */
export function goawayError(code: ErrorCode): DisconnectError {
  const isKnown = code <= ErrorCode.HTTP_1_1_REQUIRED;
  return `GOAWAY ${errorCodeName(isKnown ? code : ErrorCode.INTERNAL_ERROR)}`;
}

/** Returns the reason for a connection that broke; `code` is the system's (`ECONNRESET`), '' where it gave none. */
export function socketError(code: string): DisconnectError {
  if (code === 'ECONNRESET') return 'connection reset';
  if (code === 'ETIMEDOUT') return 'connection timed out';
  if (code === 'ECONNABORTED') return 'connection aborted';
  // Codes of Node and OpenSSL begin with ERR_.
  return /^E[A-Z0-9]+$/.test(code) ? 'socket error' : 'unknown';
}

/** Connections of the subchannels with the same cluster, zone and security. */
export class SubchannelCounts {
  /** Attempts to connect that led to a connection that can carry calls, and those that did not. */
  succeeded = 0;
  failed = 0;
  /** Connections that can carry calls, or still have some. */
  open = 0;
  readonly disconnections = new Map<DisconnectError, number>();

  connected(): void {
    this.succeeded++;
    this.open++;
  }

  disconnected(error: DisconnectError): void {
    this.open--;
    this.disconnections.set(error, (this.disconnections.get(error) ?? 0) + 1);
  }
}

export interface SubchannelKey {
  readonly cluster: string;
  /** The zone of the endpoint, '' where it has none. */
  readonly zone: string;
  readonly security: SecurityLevel;
}

/** Zones come from discovery; further keys share one, with the cluster `other`. */
export const subchannelKeysMax = 1000;
export const otherSubchannels = 'other';

/** The counts of the process. They stay when a reload rebuilds or removes a cluster, as counters have to. */
export class SubchannelTable {
  private readonly byKey = new Map<
    string,
    { readonly key: SubchannelKey; readonly counts: SubchannelCounts }
  >();

  /** The counts of this key, made on first use. */
  of(key: SubchannelKey): SubchannelCounts {
    const { cluster, zone, security } = key;
    // Names of clusters have no line feed.
    const text = `${security}\n${cluster}\n${zone}`;
    const known = this.byKey.get(text);
    if (known !== undefined) return known.counts;
    const isFull = this.byKey.size >= subchannelKeysMax && cluster !== otherSubchannels;
    if (isFull) return this.of({ cluster: otherSubchannels, zone: '', security });
    const counts = new SubchannelCounts();
    this.byKey.set(text, { key, counts });
    return counts;
  }

  /** Calls `report` with every key. */
  each(report: (key: SubchannelKey, counts: SubchannelCounts) => void): void {
    for (const { key, counts } of this.byKey.values()) report(key, counts);
  }
}
