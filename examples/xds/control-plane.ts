import { readFileSync, watchFile } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Server, ServerCredentials, type ServerDuplexStream, type ServiceDefinition } from '@grpc/grpc-js';
import { loadSync, type MessageTypeDefinition } from '@grpc/proto-loader';

/** A control plane of one's own: it serves the resources of a JSON file over xDS. */

interface DiscoveryRequest {
  readonly typeUrl: string;
  readonly resourceNames: readonly string[];
  readonly responseNonce: string;
  readonly errorDetail: { readonly message: string } | null;
}
/** A resource as JSON, with its type in `@type`. */
export type Resource = { readonly '@type': string; readonly [field: string]: unknown };
type Stream = ServerDuplexStream<DiscoveryRequest, object>;
type AnyMessage = MessageTypeDefinition<object, object>;

const folder = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const kinds = ['listener/v3/listener', 'route/v3/route', 'cluster/v3/cluster', 'endpoint/v3/endpoint'];
const extensions = [
  'filters/network/http_connection_manager/v3/http_connection_manager',
  'filters/http/router/v3/router',
];
const definitions = loadSync(
  [
    'discovery.proto',
    ...kinds.map((path) => `envoy/config/${path}.proto`),
    ...extensions.map((path) => `envoy/extensions/${path}.proto`),
  ],
  { includeDirs: [folder('.'), folder('../../protos/')], enums: String, defaults: true },
);
const ads = definitions['envoy.service.discovery.v3.AggregatedDiscoveryService'] as ServiceDefinition;

/** Packs a resource, and each message with an `@type` in it, as a `google.protobuf.Any`. */
function packed(resource: Resource): { type_url: string; value: Buffer } {
  const { '@type': url, ...fields } = resource;
  const type = definitions[url.slice(url.lastIndexOf('/') + 1)] as AnyMessage | undefined;
  if (type === undefined) throw new Error(`no definition of ${url}`);
  return { type_url: url, value: type.serialize(inner(fields) as object) };
}
function inner(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inner);
  if (typeof value !== 'object' || value === null) return value;
  if ('@type' in value) return packed(value as Resource);
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, inner(one)]));
}

export interface ControlPlane {
  readonly address: string;
  /** Why clients refused what they got, the latest last. */
  readonly refusals: readonly string[];
  push(resources: readonly Resource[]): void;
  stop(): void;
}

export async function startControlPlane(listen: string, first: readonly Resource[]): Promise<ControlPlane> {
  let resources = first;
  let version = 1;
  const refusals: string[] = [];
  const subscriptions = new Map<Stream, Map<string, readonly string[]>>();
  const send = (stream: Stream, typeUrl: string, names: readonly string[]): void => {
    const wanted = resources.filter((one) => {
      const name = String(one.clusterName ?? one.name);
      return one['@type'] === typeUrl && (names.length === 0 || names.includes(name));
    });
    stream.write({ versionInfo: `${version}`, typeUrl, resources: wanted.map(packed), nonce: `${version}` });
  };
  const follow = (stream: Stream): void => {
    const types = new Map<string, readonly string[]>();
    subscriptions.set(stream, types);
    stream.on('data', ({ typeUrl, resourceNames, errorDetail }: DiscoveryRequest) => {
      if (errorDetail !== null) refusals.push(errorDetail.message);
      const isAnswer = types.has(typeUrl) && String(types.get(typeUrl)) === String(resourceNames);
      types.set(typeUrl, resourceNames);
      if (!isAnswer) send(stream, typeUrl, resourceNames);
    });
    stream.on('end', () => stream.end());
    for (const event of ['end', 'cancelled', 'error']) stream.on(event, () => subscriptions.delete(stream));
  };
  const server = new Server();
  server.addService(ads, { StreamAggregatedResources: follow });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync(listen, ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  return {
    address: `${listen.slice(0, listen.lastIndexOf(':'))}:${port}`,
    refusals,
    push(next) {
      resources = next;
      version++;
      for (const [stream, types] of subscriptions)
        for (const [type, names] of types) send(stream, type, names);
    },
    stop: () => server.forceShutdown(),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = process.argv[2] ?? folder('resources.json');
  const read = (): Resource[] => JSON.parse(readFileSync(file, 'utf8')) as Resource[];
  const plane = await startControlPlane('127.0.0.1:18000', read());
  console.log(`serving ${file} at ${plane.address}`);
  watchFile(file, { interval: 500 }, () => plane.push(read()));
}
