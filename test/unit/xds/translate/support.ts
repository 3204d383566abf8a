import { loadConfig } from '../../../../src/config/load.ts';
import { isJsonObject, type Json, type JsonObject } from '../../../../src/reflection/json.ts';
import { jsonToMessage } from '../../../../src/reflection/json-to-message.ts';
import { checkSafeRegex } from '../../../../src/routing/safe-regex.ts';
import type { ResourceKind, ResourceProblem } from '../../../../src/xds/resource.ts';
import { loadResourceDefinitions, ResourceCodec, typeNameOf } from '../../../../src/xds/resources/codec.ts';
import type { AssembleInput, Assembly } from '../../../../src/xds/translate/assemble.ts';
import { translateCluster } from '../../../../src/xds/translate/cluster.ts';
import { translateListener } from '../../../../src/xds/translate/listener.ts';
import type {
  ClusterModel,
  ListenerModel,
  RouteConfigurationModel,
  SecretModel,
  Translation,
} from '../../../../src/xds/translate/model.ts';
import { translateRoute } from '../../../../src/xds/translate/route.ts';
import { translateSecret } from '../../../../src/xds/translate/secret.ts';
import { settle } from '../../../../src/xds/translate/settle.ts';
import { typeUrls } from '../../../../src/xds/type-urls.ts';
import { newAuthority } from '../../../support/certificates.ts';

const definitions = loadResourceDefinitions();
if (definitions.error !== undefined) throw new Error(definitions.error);
export const pool = definitions.value;
const codec = new ResourceCodec(pool);

/** The bytes of a resource from its JSON, in either form of the names. */
export function encodeResource(kind: ResourceKind, json: JsonObject): Buffer {
  const type = pool.message(typeNameOf(typeUrls[kind]));
  if (type === undefined) throw new Error(`no definition of ${kind}`);
  const { value, error } = jsonToMessage(pool, type, mapAny(json, standIn) as JsonObject);
  if (error !== undefined) throw new Error(error);
  return value;
}

/** A resource as it arrives: encoded and decoded. */
export function resourceOf(kind: ResourceKind, json: JsonObject) {
  const { value, error } = codec.decode(kind, typeUrls[kind], encodeResource(kind, json));
  if (error !== undefined) throw new Error(error);
  return { kind, name: value.name, message: mapAny(value.message, restored) as JsonObject };
}

/** A message whose definition is not there, such as that of a filter of Istio, is written as a known one with its name. */
const standInType = 'type.googleapis.com/envoy.config.core.v3.TransportSocket';
const standInMark = 'stands for ';

function standIn(any: JsonObject): JsonObject {
  const url = String(any['@type']);
  const isKnown = pool.message(typeNameOf(url)) !== undefined;
  return isKnown ? any : { '@type': standInType, name: `${standInMark}${url}` };
}

function restored(any: JsonObject): JsonObject {
  const { name } = any;
  return typeof name === 'string' && name.startsWith(standInMark)
    ? { '@type': name.slice(standInMark.length), value: '' }
    : any;
}

function mapAny(json: Json, map: (any: JsonObject) => JsonObject): Json {
  if (Array.isArray(json)) return json.map((one) => mapAny(one, map));
  if (!isJsonObject(json)) return json;
  const own = '@type' in json ? map(json) : json;
  return Object.fromEntries(Object.entries(own).map(([key, value]) => [key, mapAny(value, map)]));
}

/** Resources by kind, as a control plane sends them. */
export interface ResourceSet {
  readonly listeners?: readonly JsonObject[];
  readonly routes?: readonly JsonObject[];
  readonly clusters?: readonly JsonObject[];
  readonly secrets?: readonly JsonObject[];
  readonly addresses?: Readonly<Record<string, string>>;
}

export interface Settled {
  readonly assembly: Assembly;
  readonly problems: readonly ResourceProblem[];
  readonly warnings: readonly ResourceProblem[];
  readonly others: ReadonlyArray<{ readonly path: string; readonly message: string }>;
}

/** Translates resources, puts them together and loads the result with all checks. */
export function settled(set: ResourceSet, fieldsRead = new Set<string>()): Settled {
  const problems: ResourceProblem[] = [];
  const warnings: ResourceProblem[] = [];
  function all<T>(
    kind: ResourceKind,
    list: readonly JsonObject[] = [],
    translate: (resource: ReturnType<typeof resourceOf> & { fieldsRead: Set<string> }) => Translation<T>,
  ): Map<string, T> {
    const map = new Map<string, T>();
    for (const json of list) {
      const resource = resourceOf(kind, json);
      const translated = translate({ ...resource, fieldsRead });
      if (translated.problems !== undefined) problems.push(...translated.problems);
      else {
        map.set(resource.name, translated.value);
        warnings.push(...translated.warnings);
      }
    }
    return map;
  }
  const input: AssembleInput = {
    listeners: all<ListenerModel>('listener', set.listeners, translateListener),
    routes: all<RouteConfigurationModel>('route', set.routes, translateRoute),
    clusters: all<ClusterModel>('cluster', set.clusters, translateCluster),
    secrets: all<SecretModel>('secret', set.secrets, translateSecret),
    addresses: new Map(Object.entries(set.addresses ?? {})),
    storePem: (_text, part) => `/run/${part}.pem`,
  };
  const settlement = settle(input, checkAssembly);
  return {
    assembly: settlement.assembly,
    problems: [...problems, ...settlement.problems],
    warnings: [...warnings, ...settlement.assembly.warnings],
    others: settlement.others,
  };
}

/** What `loadConfig` finds wrong with an assembly. */
export function checkAssembly({ listeners, clusters }: Assembly) {
  if (listeners.length === 0) return [];
  const loaded = loadConfig({
    flags: { config: 'xds.json' },
    env: {},
    checkRegex: checkSafeRegex,
    readFile: (path) => ({
      value: Buffer.from(path === 'xds.json' ? textOf(listeners, clusters) : pemOf(path)),
    }),
  });
  return (loaded.problems ?? []).map(({ path, message }) => ({ path, message }));
}

/** Endpoints of EDS arrive beside the configuration; a list stands for them here. Dollar signs are no variables. */
function textOf(listeners: readonly JsonObject[], clusters: readonly JsonObject[]): string {
  const withEndpoints = clusters.map(({ discovery, ...cluster }) => {
    const isEds = typeof discovery === 'object' && discovery !== null && 'xds' in discovery;
    if (isEds) return { ...cluster, endpoints: [{ address: '192.0.2.1:50051' }] };
    return discovery === undefined ? cluster : { ...cluster, discovery };
  });
  const file = { listeners, clusters: withEndpoints.length === 0 ? [spare] : withEndpoints };
  return JSON.stringify(file).replaceAll('${', '$${');
}

const authority = newAuthority();
const server = authority.issue(['orders.internal']);

/** What stands in the files that the corpus names. */
function pemOf(path: string): string {
  if (path.includes('ca')) return authority.cert;
  return path.includes('key') ? server.key : server.cert;
}

const spare = { name: 'spare', endpoints: [{ address: '192.0.2.1:1' }] };
