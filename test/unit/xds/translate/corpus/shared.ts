import type { JsonObject } from '../../../../../src/reflection/json.ts';

export const ads = { ads: {}, resourceApiVersion: 'V3' };

/** A message in an Any, by its name without `envoy.` in front. */
export function any(type: string, more: JsonObject = {}): JsonObject {
  return { '@type': `type.googleapis.com/envoy.${type}`, ...more };
}

const managerType = 'extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
export const router = {
  name: 'envoy.filters.http.router',
  typedConfig: any('extensions.filters.http.router.v3.Router'),
};

export function manager(more: JsonObject): JsonObject {
  return any(managerType, { statPrefix: 'http', httpFilters: [router], ...more });
}

export function httpFilter(more: JsonObject): JsonObject {
  return { name: 'envoy.filters.network.http_connection_manager', typedConfig: manager(more) };
}

export function socket(address: string, portValue: number): JsonObject {
  return { socketAddress: { address, portValue } };
}

export function lbEndpoint(address: string, port: number, more: JsonObject = {}): JsonObject {
  return { endpoint: { address: socket(address, port) }, ...more };
}
