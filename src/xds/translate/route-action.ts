import type { JsonObject } from '../../reflection/json.ts';
import {
  clusterWeightFields,
  hashConnectionFields,
  hashCookieFields,
  hashHeaderFields,
  hashPolicyFields,
  maxStreamDurationFields,
  weightedClusterFields,
} from './fields/route-fields.ts';
import type { MessageReader } from './message-reader.ts';
import type { RouteModel, WeightedTarget } from './model.ts';
import { readPathChange } from './path-rewrite.ts';
import { readRetryPolicy } from './retry.ts';
import type { MatchModel } from './route-match.ts';
import { clamp, definedKeys, type ReferenceSet } from './translation.ts';

/** Of Envoy, for a route that has none. */
const timeoutMsDefault = 15_000;
const weightMax = 1_000_000;

export type ActionModel = Pick<RouteModel, 'keys' | 'targets' | 'hash' | 'timeoutMs' | 'retry'>;

/** Reads where a route leads to, and how. */
export function readAction(reader: MessageReader, match: MatchModel, references: ReferenceSet): ActionModel {
  const targets = readTargets(reader);
  for (const { cluster } of targets) references.clusters.add(cluster);
  return {
    targets,
    keys: definedKeys({ rewrite: readRewrite(reader, match) }),
    hash: readHashPolicies(reader),
    timeoutMs: readTimeouts(reader),
    retry: readRetryPolicy(reader),
  };
}

function readTargets(reader: MessageReader): WeightedTarget[] {
  const cluster = reader.text('cluster');
  const weighted = reader.message('weighted_clusters', weightedClusterFields);
  if (weighted === undefined) {
    if (cluster === '' && reader.notes.problems.length === 0)
      reader.problem('cluster', 'is missing; send the name of a cluster');
    return [{ cluster, weight: 1 }];
  }
  // The same cluster may be there twice, with two sets of headers: the shares add up.
  const shares = new Map<string, number>();
  for (const one of weighted.messages('clusters', clusterWeightFields)) {
    const name = one.text('name');
    if (name === '') one.problem('name', 'is missing; send the name of a cluster');
    shares.set(name, (shares.get(name) ?? 0) + Math.max(0, one.number('weight') ?? 0));
  }
  const sum = [...shares.values()].reduce((total, weight) => total + weight, 0);
  if (sum === 0)
    weighted.problem('clusters', 'has weights that add up to 0; send a weight of 1 or more for one of them');
  const scale = Math.min(1, weightMax / Math.max(1, ...shares.values()));
  return [...shares].map(([name, weight]) => ({
    cluster: name,
    weight: weight === 0 ? 0 : clamp(Math.round(weight * scale), 1, weightMax),
  }));
}

function readRewrite(reader: MessageReader, match: MatchModel): JsonObject | undefined {
  const literal = reader.text('host_rewrite_literal');
  const authority = reader.flag('auto_host_rewrite') === true ? '{endpoint}' : literal;
  const keys = { ...readPathChange(reader, match), ...(authority === '' ? {} : { authority }) };
  return Object.keys(keys).length === 0 ? undefined : keys;
}

/**
 * The timeouts of Envoy: `timeout` with its default, and `max_stream_duration`, whichever is shorter. gRPC has the second one
 * alone (gRFC A31), where `grpc_timeout_header_max` takes precedence.
 */
function readTimeouts(reader: MessageReader): RouteModel['timeoutMs'] {
  const timeout = reader.durationMs('timeout') ?? timeoutMsDefault;
  const stream = reader.message('max_stream_duration', maxStreamDurationFields);
  const duration = stream?.durationMs('max_stream_duration') ?? 0;
  const header = stream?.durationMs('grpc_timeout_header_max');
  const grpc = Math.max(0, header ?? duration);
  return { http: header === undefined ? shorter(timeout, grpc) : grpc, grpc };
}

/** The shorter of two timeouts, of which 0 is none. */
function shorter(a: number, b: number): number {
  if (a <= 0 || b <= 0) return Math.max(0, a, b);
  return Math.min(a, b);
}

function readHashPolicies(reader: MessageReader): JsonObject[] {
  return reader.messages('hash_policy', hashPolicyFields).flatMap((policy): JsonObject[] => {
    const header = policy.message('header', hashHeaderFields);
    if (header !== undefined) return [{ header: header.text('header_name') }];
    const cookie = policy.message('cookie', hashCookieFields);
    if (cookie !== undefined) return [{ cookie: cookie.text('name') }];
    const connection = policy.message('connection_properties', hashConnectionFields);
    return connection?.flag('source_ip') === true ? [{ source: true }] : [];
  });
}
