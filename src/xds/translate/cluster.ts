import { formatAddress } from '../../core/address.ts';
import { isJsonObject, type JsonObject } from '../../reflection/json.ts';
import { readHealth, readLimits, readOutlier } from './cluster-keys.ts';
import { readAssignment } from './endpoints.ts';
import {
  assignmentFields,
  autoProtocolFields,
  clusterFields,
  clusterFilterFields,
  downstreamProtocolFields,
  edsFields,
  explicitProtocolFields,
  http2Fields,
  httpProtocolFields,
  keepaliveFields,
  socketMatchFields,
  upstreamProtocolFields,
} from './fields/cluster-fields.ts';
import { readBalancer } from './load-balancing.ts';
import { isMeasuringFilter } from './measuring-filters.ts';
import { type MessageReader, readAny } from './message-reader.ts';
import type { ClusterModel, TlsModel, Translation } from './model.ts';
import { quoted } from './notes.ts';
import { readConfigSource, readTransportSocket } from './tls.ts';
import {
  definedKeys,
  durationText,
  type ReferenceSet,
  type TranslatedResource,
  translation,
} from './translation.ts';

/** Translates a Cluster of the types EDS, STATIC, STRICT_DNS and LOGICAL_DNS. */
export function translateCluster(resource: TranslatedResource): Translation<ClusterModel> {
  return translation(resource, clusterFields, (reader, references) => {
    const name = reader.text('name');
    const place = readPlace(reader, name);
    if (place.service !== '') references.endpoints.add(place.service);
    checkFilters(reader);
    const protocol = readProtocol(reader);
    const connectMs = reader.durationMs('connect_timeout');
    const { outOfBand, ...balancer } = readBalancer(reader);
    const keys = definedKeys({
      loadReports: outOfBand === undefined ? undefined : { outOfBand },
      connectTimeout: connectMs === undefined ? undefined : durationText(connectMs, { max: 600_000 }),
      health: readHealth(reader),
      outlier: readOutlier(reader),
      limits: readLimits(reader),
      connections: protocol.connections,
    });
    return {
      name,
      ...place,
      http2: protocol.http2,
      keys,
      balancer,
      tls: readTls(reader, references),
    };
  });
}

/** Istio has a filter on the connections to endpoints that measures; any other one could change or refuse them. */
function checkFilters(reader: MessageReader): void {
  for (const filter of reader.messages('filters', clusterFilterFields)) {
    const name = filter.text('name');
    if (isMeasuringFilter(name, filter.any('typed_config')))
      filter.warning('', `the filter ${quoted(name)} has no effect`);
    else filter.problem('', `the filter ${quoted(name)} is not supported; remove it from the cluster`);
  }
}

type Place = Pick<ClusterModel, 'service' | 'endpoints' | 'dns'>;
const nowhere: Place = { service: '', endpoints: [], dns: null };

/** Where the endpoints of a cluster come from. */
function readPlace(reader: MessageReader, name: string): Place {
  const type = reader.text('type') || 'STATIC';
  if (type === 'EDS') {
    const eds = reader.message('eds_cluster_config', edsFields);
    if (eds === undefined) reader.problem('eds_cluster_config', 'is missing; send it with ads');
    else readConfigSource(eds, 'eds_config');
    return { ...nowhere, service: eds?.text('service_name') || name };
  }
  if (type === 'ORIGINAL_DST') {
    reader.warning('type', 'is ORIGINAL_DST: without redirected connections the cluster has no endpoints');
    return nowhere;
  }
  if (type !== 'STATIC' && type !== 'STRICT_DNS' && type !== 'LOGICAL_DNS') {
    reader.problem('type', `${quoted(type)} is not supported; send EDS, STATIC, STRICT_DNS or LOGICAL_DNS`);
    return nowhere;
  }
  const assignment = reader.message('load_assignment', assignmentFields);
  const endpoints = assignment === undefined ? [] : readAssignment(assignment);
  const [only] = endpoints;
  if (type !== 'STATIC' && endpoints.length === 1 && only.address.kind === 'tcp') {
    const { host, port } = only.address;
    return { ...nowhere, dns: { host, port, family: readFamily(reader) } };
  }
  return {
    ...nowhere,
    endpoints: endpoints.map(({ address, weight, zone, priority }) => ({
      address: formatAddress(address),
      weight,
      zone,
      priority,
    })),
  };
}

const families: Readonly<Record<string, string>> = { V4_ONLY: 'ipv4', V6_ONLY: 'ipv6', ALL: 'all' };

function readFamily(reader: MessageReader): string {
  const family = reader.text('dns_lookup_family');
  return Object.hasOwn(families, family) ? families[family] : 'auto';
}

interface Protocol {
  readonly http2: boolean;
  readonly connections: JsonObject | undefined;
}

const protocolOptions = 'extensions.upstreams.http.v3.HttpProtocolOptions';

/** Which protocol the endpoints speak, and how long connections live. */
function readProtocol(reader: MessageReader): Protocol {
  const any = reader
    .anyEntries('typed_extension_protocol_options')
    .find((entry) => entry.any.type === protocolOptions)?.any;
  const options = any === undefined ? undefined : readAny(any, upstreamProtocolFields, reader.notes);
  const explicit = options?.message('explicit_http_config', explicitProtocolFields);
  const downstream = options?.message('use_downstream_protocol_config', downstreamProtocolFields);
  const auto = options?.message('auto_config', autoProtocolFields);
  const choice = explicit ?? downstream ?? auto;
  choice?.has('http_protocol_options');
  if (explicit === undefined && choice !== undefined)
    choice.warning(
      '',
      'the protocol does not follow that of the client: Outrigger uses one for each cluster',
    );
  const http2 = (choice ?? reader).message('http2_protocol_options', http2Fields);
  const common = (options ?? reader).message('common_http_protocol_options', httpProtocolFields);
  const ageMs = common?.durationMs('max_connection_duration') ?? 0;
  const idleMs = common?.durationMs('idle_timeout');
  const connections = definedKeys({
    idleTimeout: idleMs === undefined ? undefined : durationText(idleMs || Infinity, { min: 1000 }),
    maxAge: ageMs > 0 ? durationText(ageMs, { min: 1000 }) : undefined,
    keepalive: http2 === undefined ? undefined : readKeepalive(http2),
  });
  return {
    http2: http2 !== undefined,
    connections: Object.keys(connections).length === 0 ? undefined : connections,
  };
}

function readKeepalive(http2: MessageReader): JsonObject | undefined {
  const keepalive = http2.message('connection_keepalive', keepaliveFields);
  const intervalMs = keepalive?.durationMs('interval') ?? 0;
  const timeoutMs = keepalive?.durationMs('timeout') ?? 20_000;
  if (intervalMs <= 0) return undefined;
  return {
    interval: durationText(intervalMs, { min: 10_000 }),
    timeout: durationText(timeoutMs, { min: 100, max: 600_000 }),
  };
}

/** TLS of the cluster, or of the entry of `transport_socket_matches` that takes every endpoint. */
function readTls(reader: MessageReader, references: ReferenceSet): TlsModel | null {
  const list = reader.rawJson('transport_socket_matches');
  if (!Array.isArray(list) || list.length === 0) return readTransportSocket(reader, 'upstream', references);
  const index = list.findIndex((one) => isJsonObject(one) && (one.match === undefined || isEmpty(one.match)));
  if (index < 0) {
    reader.problem(
      'transport_socket_matches',
      'has no entry without conditions; send one transport socket for all endpoints',
    );
    return null;
  }
  if (list.length > 1)
    reader.warning('transport_socket_matches', 'the entry without conditions is used for every endpoint');
  const chosen = reader.messageAt('transport_socket_matches', index, socketMatchFields);
  chosen.rawJson('match');
  return readTransportSocket(chosen, 'upstream', references);
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
