import type { JsonObject } from '../../reflection/json.ts';
import {
  faultAbortFields,
  faultDelayFields,
  faultFields,
  httpFilterFields,
  localRateLimitFields,
  routerFields,
  tokenBucketFields,
} from './fields/listener-fields.ts';
import { filterConfigFields } from './fields/route-fields.ts';
import { readPercent, readRuntimePercent } from './fraction.ts';
import { hasMeasuringName } from './measuring-filters.ts';
import { type AnyMessage, type MessageReader, readAny } from './message-reader.ts';
import type { FilterEffect, ListenerFilter } from './model.ts';
import { type Notes, quoted } from './notes.ts';
import { clamp, definedKeys, durationText } from './translation.ts';

const filterTypes = {
  router: 'extensions.filters.http.router.v3.Router',
  fault: 'extensions.filters.http.fault.v3.HTTPFault',
  localRateLimit: 'extensions.filters.http.local_ratelimit.v3.LocalRateLimit',
  override: 'config.route.v3.FilterConfig',
} as const;

/**
 * Filters that measure, log, translate for browsers or serve the mesh itself: without them a request goes to the same place.
 * Their order is that of Envoy's and Istio's documentation.
 */
const withoutEffect =
  /^(extensions\.filters\.http\.(cors|grpc_web|grpc_stats|grpc_http1_bridge|stateful_session|health_check|on_demand|tap|kill_request|header_to_metadata|set_filter_state|compressor|decompressor|buffer|credential_injector)\.|io\.istio\.|istio\.envoy\.|envoy\.config\.filter\.http\.alpn\.|config\.filter\.http\.alpn\.|stats\.PluginConfig)/;

/** Reads the HTTP filters of a listener. A filter that Outrigger does not have refuses the listener, unless it is optional. */
export function readHttpFilters(manager: MessageReader): ListenerFilter[] {
  const filters = manager.messages('http_filters', httpFilterFields);
  const effects: ListenerFilter[] = [];
  for (const filter of filters) {
    const name = filter.text('name');
    const optional = filter.flag('is_optional') === true;
    const any = filter.any('typed_config');
    if (filter.flag('disabled') === true) continue;
    if (any === undefined) {
      if (!optional) filter.problem('typed_config', 'is missing; send the configuration of the filter');
      continue;
    }
    if (any.type === filterTypes.router) {
      readAny(any, routerFields, filter.notes);
      continue;
    }
    const effect = effectOf(any, filter.notes);
    if (effect !== undefined) effects.push({ name, effect });
    else if (optional || withoutEffect.test(any.type) || hasMeasuringName(name))
      filter.warning('', `the filter ${quoted(name)} has no effect`);
    else
      filter.problem(
        '',
        `the filter ${quoted(name)} is not supported; remove it from the listener, or set is_optional`,
      );
  }
  return effects;
}

/** Reads `typed_per_filter_config` of a route, a virtual host or a route configuration. */
export function readFilterOverrides(reader: MessageReader, into: Map<string, FilterEffect>): void {
  for (const { key, any } of reader.anyEntries('typed_per_filter_config')) {
    const effect =
      any.type === filterTypes.override ? readOverride(any, reader.notes) : effectOf(any, reader.notes);
    if (effect !== undefined) into.set(key, effect);
    else reader.notes.warning(any.path, `the filter ${quoted(key)} has no effect`);
  }
}

function readOverride(any: AnyMessage, notes: Notes): FilterEffect | undefined {
  const override = readAny(any, filterConfigFields, notes);
  const inside = override.any('config');
  override.flag('is_optional');
  if (override.flag('disabled') === true) return null;
  return inside === undefined ? undefined : effectOf(inside, notes);
}

/** undefined for a filter that has no effect here. */
function effectOf(any: AnyMessage, notes: Notes): FilterEffect | undefined {
  if (any.type === filterTypes.fault) return readFault(readAny(any, faultFields, notes));
  if (any.type === filterTypes.localRateLimit)
    return readLocalRateLimit(readAny(any, localRateLimitFields, notes));
  return undefined;
}

function readFault(reader: MessageReader): FilterEffect {
  const delay = readDelay(reader);
  const abort = readAbort(reader);
  if (reader.has('headers') || reader.text('upstream_cluster') !== '') {
    reader.warning('', 'a fault with conditions has no effect');
    return null;
  }
  return delay === undefined && abort === undefined ? null : { fault: definedKeys({ delay, abort }) };
}

function readDelay(fault: MessageReader): JsonObject | undefined {
  const delay = fault.message('delay', faultDelayFields);
  const timeMs = delay?.durationMs('fixed_delay') ?? 0;
  const percent = delay === undefined ? 0 : (readPercent(delay, 'percentage') ?? 0);
  return percent > 0 && timeMs > 0 ? { percent, time: durationText(timeMs, { max: 3_600_000 }) } : undefined;
}

function readAbort(fault: MessageReader): JsonObject | undefined {
  const abort = fault.message('abort', faultAbortFields);
  if (abort === undefined) return undefined;
  const percent = readPercent(abort, 'percentage') ?? 0;
  const httpStatus = abort.number('http_status');
  const grpcStatus = abort.number('grpc_status');
  if (percent === 0) return undefined;
  if (httpStatus !== undefined && !(Number.isInteger(httpStatus) && httpStatus >= 400 && httpStatus <= 599)) {
    abort.warning('http_status', 'a fault with a status below 400 has no effect');
    return undefined;
  }
  const status = grpcStatus === undefined ? undefined : grpcStatuses[grpcStatus];
  if (grpcStatus !== undefined && status === undefined) {
    abort.warning('grpc_status', 'a fault with the gRPC status OK, or an unknown one, has no effect');
    return undefined;
  }
  return definedKeys({ percent, httpStatus, grpcStatus: status });
}

/** Names of gRPC statuses by number, as the configuration writes them; OK is no failure. */
const grpcStatuses: readonly (string | undefined)[] = [
  undefined,
  'cancelled',
  'unknown',
  'invalid-argument',
  'deadline-exceeded',
  'not-found',
  'already-exists',
  'permission-denied',
  'resource-exhausted',
  'failed-precondition',
  'aborted',
  'out-of-range',
  'unimplemented',
  'internal',
  'unavailable',
  'data-loss',
  'unauthenticated',
];

function readLocalRateLimit(reader: MessageReader): FilterEffect {
  const enabled = readRuntimePercent(reader, 'filter_enabled') ?? 0;
  const enforced = readRuntimePercent(reader, 'filter_enforced') ?? 0;
  const bucket = reader.message('token_bucket', tokenBucketFields);
  const burst = bucket?.number('max_tokens') ?? 0;
  const requests = bucket?.number('tokens_per_fill') ?? 1;
  const perMs = bucket?.durationMs('fill_interval') ?? 0;
  if (bucket === undefined || enabled < 100 || enforced < 100) {
    if (bucket !== undefined && enabled * enforced > 0)
      reader.warning('filter_enabled', 'a rate limit for a part of the requests has no effect');
    return null;
  }
  const countsMax = 1_000_000_000;
  return {
    rateLimit: {
      requests: clamp(Math.trunc(requests), 1, countsMax),
      per: durationText(perMs),
      burst: clamp(Math.trunc(burst), 1, countsMax),
    },
  };
}
