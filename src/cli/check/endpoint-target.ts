import type { EndpointSnapshot } from '../../admin/deps.ts';
import type { ClusterConfig } from '../../config/table.ts';
import type { Address } from '../../core/address.ts';

/** An endpoint as a call would reach it. */
export interface EndpointTarget {
  readonly cluster: ClusterConfig;
  readonly address: Address;
  /** The name that led to it, for TLS; '' for the host of its address. */
  readonly hostname: string;
  /** What a running sidecar says of it, whose probes are then not repeated. */
  readonly probed?: EndpointSnapshot;
}
