import type { Address } from './address.ts';

/** What discovery says of one replica. The address is its identity. */
export interface EndpointSpec {
  readonly address: Address;
  /** Relative share of calls; 1 or more, need not be whole. */
  readonly weight: number;
  /** Failure domain, or '' where unknown. */
  readonly zone: string;
  /** 0 is used first; higher numbers only as lower ones fail. */
  readonly priority: number;
}
