import type { Address } from './address.ts';

/** What discovery says of one replica. The address is its identity. */
export interface EndpointSpec {
  readonly address: Address;
  /**
   * The name that led to the address, without the dot of the root: TLS verifies it and sends it as SNI. '' or absent where the
   * address itself was given.
   */
  readonly hostname?: string;
  /** Relative share of calls; 1 or more, need not be whole. */
  readonly weight: number;
  /** Failure domain, or '' where unknown. */
  readonly zone: string;
  /** 0 is used first; higher numbers only as lower ones fail. */
  readonly priority: number;
}
