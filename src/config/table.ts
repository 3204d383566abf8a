import { list, section, type Value } from '../schema/shape.ts';
import { admin } from './table/admin.ts';
import { cluster } from './table/cluster.ts';
import { listener } from './table/listener.ts';
import { drain, limits, log, reload, zone } from './table/process.ts';
import { telemetry } from './table/telemetry.ts';

/**
 * The configuration: every key there is, with its type, default and meaning. The types below, the convict schema with its
 * variables and flags, the reader of files, `outrigger schema` and docs/configuration.md all come from here.
 *
 * Only keys that do something stand here. A key that did nothing would be worse than the error for an unknown one.
 */
export const table = section(
  { doc: 'The configuration of Outrigger.' },
  {
    admin,
    listeners: list({ noun: 'listener', itemsMin: 1, unique: 'name', doc: 'Where calls come in.' }, listener),
    clusters: list({ noun: 'cluster', itemsMin: 1, unique: 'name', doc: 'Where calls can go.' }, cluster),
    telemetry,
    limits,
    drain,
    reload,
    zone,
    log,
  },
);

/** The whole configuration as code sees it: every default filled in, units last in names, frozen all the way down. */
export type Config = Value<typeof table>;
export type ListenerConfig = Config['listeners'][number];
export type ListenerLimits = ListenerConfig['limits'];
export type ListenerTls = NonNullable<ListenerConfig['tls']>;
export type RouteConfig = ListenerConfig['routes'][number];
export type ClusterConfig = Config['clusters'][number];
export type EndpointConfig = ClusterConfig['endpoints'][number];
export type ClusterTls = NonNullable<ClusterConfig['tls']>;
/** `'none'`, or the settings with exactly one of `grpc`, `http` and `tcp`. */
export type HealthConfig = ClusterConfig['health'];
export type OutlierConfig = ClusterConfig['outlier'];
export type TelemetryConfig = Config['telemetry'];
