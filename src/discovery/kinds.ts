import type { Clock } from '../core/clock.ts';
import type { EndpointSpec } from '../core/endpoint-spec.ts';
import type { Logger } from '../core/logger.ts';
import type { Random } from '../core/random.ts';
import type { Result } from '../core/result.ts';
import { kindOf } from '../schema/kind.ts';
import type { DnsResolver } from './dns-resolver.ts';
import type { DiscoverySource } from './source.ts';
import type { EndpointAssignments } from './xds.ts';

/** What discovery sources are made with. */
export interface DiscoveryDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Variables of this process. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What the endpoints of the cluster are reached by. */
  readonly transport: 'TCP' | 'UDP';
  /** The zone of this process, '' where it is not known or the cluster ignores zones. */
  readonly localZone: string;
  /** What the control plane sends; absent without one. */
  readonly assignments?: EndpointAssignments | undefined;
  /** For tests: asks other DNS servers than the system's. */
  readonly newDnsResolver?: () => DnsResolver;
  /** Reads a file that lists endpoints, or says what is wrong with it. */
  readEndpointFile(path: string): Result<readonly EndpointSpec[]>;
}

/** Declares a discovery source: what a cluster writes under `discovery`. */
export const discoveryKind = kindOf<DiscoveryDeps, DiscoverySource>();
