import type { PolicyList } from '../policies/compile.ts';
import { policies } from '../policies/list.ts';
import { list, type Section, section, type Value } from '../schema/shape.ts';
import { cluster } from './table/cluster.ts';
import { makeListener } from './table/listener.ts';
import { processSections } from './table/process-sections.ts';

/**
 * The configuration: every key there is, with its type, default and meaning. The types below, the convict schema with its
 * variables and flags, the reader of files, `outrigger schema` and docs/configuration.md all come from here. A policy of a route
 * brings its key along, so the table is made from the list of policies.
 *
 * Only keys that do something stand here. A key that did nothing would be worse than the error for an unknown one.
 */
export function makeTable<const L extends PolicyList>(policies: L) {
  const { admin, ...others } = processSections;
  return section(
    { doc: 'The configuration of Outrigger.' },
    {
      admin,
      listeners: list(
        {
          noun: 'listener',
          itemsMin: 1,
          unique: 'name',
          doc: 'Addresses on which Outrigger accepts connections.',
        },
        makeListener(policies),
      ),
      clusters: list(
        {
          noun: 'cluster',
          itemsMin: 1,
          unique: 'name',
          doc: 'The services that Outrigger sends requests to.',
        },
        cluster,
      ),
      ...others,
    },
  );
}

/** The table with the policies that Outrigger has. */
export const table = makeTable(policies);

/** The table of any other list of policies, whose types are not known here. */
export function tableOf(list: PolicyList = policies): Section {
  return list === policies ? table : makeTable(list);
}

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
