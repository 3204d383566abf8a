import { formatAddress } from '../../core/address.ts';
import type { JsonObject } from '../../reflection/json.ts';
import { readAddress } from './address.ts';
import { connectionManagerKeys } from './connection-manager.ts';
import {
  apiListenerFields,
  connectionManagerFields,
  deprecatedListenerFields,
  filterFields,
  listenerFields,
  listenerFilterFields,
  rdsFields,
  tcpProxyFields,
  tcpWeightedFields,
  tcpWeightFields,
} from './fields/listener-fields.ts';
import { routeConfigurationFields } from './fields/route-fields.ts';
import { chooseFilterChain } from './filter-chains.ts';
import { readHttpFilters } from './http-filters.ts';
import { isMeasuringFilter } from './measuring-filters.ts';
import { type AnyMessage, type MessageReader, readAny } from './message-reader.ts';
import type { ListenerModel, Translation } from './model.ts';
import { quoted } from './notes.ts';
import { readRouteConfiguration } from './route.ts';
import { readConfigSource, readTransportSocket } from './tls.ts';
import { type ReferenceSet, type TranslatedResource, translation } from './translation.ts';

const networkFilters = {
  http: 'extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
  tcp: 'extensions.filters.network.tcp_proxy.v3.TcpProxy',
} as const;

/** Filters that inspect the first bytes, which Outrigger does itself, or the original destination. */
const inspector = /listener\.(tls_inspector|http_inspector|original_dst|local_ratelimit)\./;

/** Translates a Listener with an address, or an API listener of proxyless gRPC, whose address `xds.listeners` gives. */
export function translateListener(resource: TranslatedResource): Translation<ListenerModel> {
  return translation(resource, listenerFields, (reader, references) => {
    const name = reader.text('name');
    const api = reader.message('api_listener', apiListenerFields)?.any('api_listener');
    if (api !== undefined) return readApiListener(reader, name, api, references);
    const direction: JsonObject =
      reader.text('traffic_direction') === 'INBOUND' ? { direction: 'inbound' } : {};
    const address = readAddress(reader, 'address');
    const listen = address === undefined ? '' : formatAddress(address);
    const bound =
      reader.flag('bind_to_port') ??
      reader.message('deprecated_v1', deprecatedListenerFields)?.flag('bind_to_port') ??
      true;
    const base: ListenerModel = { ...nothing, name, listen, keys: direction };
    const redirected = reader.flag('use_original_dst') === true;
    if (!bound || redirected) {
      reader.warning(
        redirected ? 'use_original_dst' : 'bind_to_port',
        'is for redirected connections, which Outrigger does not take: the listener is not opened',
      );
      return base;
    }
    checkListenerFilters(reader);
    const chain = chooseFilterChain(reader, address?.kind === 'tcp' ? address.port : undefined);
    if (chain === undefined) return base;
    const tls = readTransportSocket(chain, 'downstream', references);
    const terminal = readFilters(chain);
    if (terminal?.type === networkFilters.http)
      return { ...base, ...readHttp(terminal, reader, references, direction), kind: 'http', tls };
    if (terminal === undefined) return base;
    if (tls !== null)
      chain.problem('transport_socket', 'is TLS before a TCP proxy; Outrigger forwards TLS unchanged');
    return { ...base, ...readTcp(terminal, reader, references), kind: 'tcp' };
  });
}

const nothing: ListenerModel = {
  name: '',
  kind: 'closed',
  listen: '',
  keys: {},
  tls: null,
  routeName: '',
  routes: null,
  filters: [],
  cluster: '',
  targetPath: '',
};

function readApiListener(
  reader: MessageReader,
  name: string,
  any: AnyMessage,
  references: ReferenceSet,
): ListenerModel {
  if (any.type === networkFilters.http)
    return { ...nothing, name, ...readHttp(any, reader, references, {}), kind: 'grpc' };
  reader.notes.problem(any.path, `${quoted(any.type)} is not an HttpConnectionManager`);
  return nothing;
}

function checkListenerFilters(reader: MessageReader): void {
  for (const filter of reader.messages('listener_filters', listenerFilterFields)) {
    const name = filter.text('name');
    const any = filter.any('typed_config');
    if (any === undefined || inspector.test(any.type)) continue;
    filter.problem('typed_config', `the listener filter ${quoted(name)} is not supported; remove it`);
  }
}

/** The filter that takes the connections; others must be of those that have no effect. */
function readFilters(chain: MessageReader): AnyMessage | undefined {
  const filters = chain.messages('filters', filterFields);
  let terminal: AnyMessage | undefined;
  for (const filter of filters) {
    const name = filter.text('name');
    const any = filter.any('typed_config');
    if (any?.type === networkFilters.http || any?.type === networkFilters.tcp) terminal = any;
    else if (isMeasuringFilter(name, any)) filter.warning('', `the filter ${quoted(name)} has no effect`);
    else filter.problem('', `the filter ${quoted(name)} is not supported; remove it from the listener`);
  }
  if (terminal === undefined)
    chain.problem('filters', 'has no HttpConnectionManager and no TcpProxy; send one of them');
  return terminal;
}

type HttpPart = Pick<ListenerModel, 'keys' | 'routeName' | 'routes' | 'filters' | 'targetPath'>;

function readHttp(
  any: AnyMessage,
  listener: MessageReader,
  references: ReferenceSet,
  direction: JsonObject,
): HttpPart {
  const manager = readAny(any, connectionManagerFields, listener.notes);
  const filters = readHttpFilters(manager);
  const keys = { ...direction, ...connectionManagerKeys(manager) };
  const rds = manager.message('rds', rdsFields);
  const inline = manager.message('route_config', routeConfigurationFields);
  const routeName = rds?.text('route_config_name') ?? '';
  if (rds !== undefined) {
    readConfigSource(rds, 'config_source');
    if (routeName === '') rds.problem('route_config_name', 'is missing; send the name of the routes');
    references.routes.add(routeName);
  } else if (inline === undefined) manager.problem('rds', 'is missing; send rds or route_config');
  const routes = inline === undefined ? null : readRouteConfiguration(inline, references);
  return { keys, filters, routeName, routes, targetPath: (rds ?? inline ?? manager).path };
}

function readTcp(
  any: AnyMessage,
  listener: MessageReader,
  references: ReferenceSet,
): Pick<ListenerModel, 'cluster' | 'targetPath'> {
  const proxy = readAny(any, tcpProxyFields, listener.notes);
  const weighted = proxy
    .message('weighted_clusters', tcpWeightedFields)
    ?.messages('clusters', tcpWeightFields)
    .filter((one) => (one.number('weight') ?? 0) > 0);
  if (weighted !== undefined && weighted.length > 1)
    proxy.problem('weighted_clusters', 'has several clusters; a TCP listener has one');
  const cluster = proxy.text('cluster') || (weighted?.[0]?.text('name') ?? '');
  if (cluster === '') proxy.problem('cluster', 'is missing; send the name of a cluster');
  references.clusters.add(cluster);
  return { cluster, targetPath: proxy.at('cluster') };
}
