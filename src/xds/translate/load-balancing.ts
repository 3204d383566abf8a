import type { JsonObject } from '../../reflection/json.ts';
import {
  commonLbFields,
  extensionFields,
  lbPolicyFields,
  leastRequestFields,
  leastRequestLbFields,
  loadBalancingPolicyFields,
  maglevFields,
  maglevLbFields,
  percentFields,
  randomFields,
  ringHashFields,
  ringHashLbFields,
  roundRobinFields,
  roundRobinLbFields,
  runtimeDoubleFields,
  slowStartFields,
  slowStartLbFields,
  weightedRoundRobinFields,
  wrrLocalityFields,
} from './fields/cluster-fields.ts';
import type { MessageFields } from './message-fields.ts';
import { type AnyMessage, type MessageReader, readAny } from './message-reader.ts';
import { quoted } from './notes.ts';
import { clamp, definedKeys, durationText } from './translation.ts';

/** Policies inside policies; Istio and gRPC have two. */
const policyDepthMax = 4;
const ringSizeMax = 1_000_000;
const ringSizeDefault = 1024;

/** Reads how a cluster picks endpoints: the key `balancer`, without `hash`, and with `outOfBand` of `loadReports` where that is on. */
export function readBalancer(cluster: MessageReader): JsonObject {
  const common = cluster.message('common_lb_config', commonLbFields);
  const panic = common?.message('healthy_panic_threshold', percentFields)?.number('value') ?? 0;
  const policy = cluster.message('load_balancing_policy', loadBalancingPolicyFields);
  const own = policy === undefined ? readLbPolicy(cluster) : readPolicies(policy, 0);
  return {
    ...(own ?? { policy: 'round_robin' }),
    ...(panic > 0 ? { panicPercent: clamp(Math.round(panic), 0, 100) } : {}),
    ...(common?.has('locality_weighted_lb_config') === true ? { preferZone: false } : {}),
  };
}

/** The policy by its name in `lb_policy`, with its settings beside it. */
function readLbPolicy(cluster: MessageReader): JsonObject | undefined {
  const name = cluster.text('lb_policy') || 'ROUND_ROBIN';
  if (name === 'ROUND_ROBIN')
    return roundRobin(cluster.message('round_robin_lb_config', roundRobinLbFields), slowStartLbFields);
  if (name === 'LEAST_REQUEST')
    return leastRequest(cluster.message('least_request_lb_config', leastRequestLbFields), slowStartLbFields);
  if (name === 'RING_HASH') return ringHash(cluster.message('ring_hash_lb_config', ringHashLbFields));
  if (name === 'MAGLEV') return maglev(cluster.message('maglev_lb_config', maglevLbFields));
  // Of ORIGINAL_DST, which has no endpoints here.
  if (name === 'RANDOM' || name === 'CLUSTER_PROVIDED') return { policy: 'random' };
  cluster.problem(
    'lb_policy',
    `${quoted(name)} is not supported; send round robin, least request or a hash policy`,
  );
  return undefined;
}

/** The first policy that Outrigger has (gRFC A52). */
function readPolicies(policy: MessageReader, depth: number): JsonObject | undefined {
  const unknown: string[] = [];
  for (const one of policy.messages('policies', lbPolicyFields)) {
    const any = one.message('typed_extension_config', extensionFields)?.any('typed_config');
    if (any === undefined) continue;
    const balancer = readExtension(any, policy, depth);
    if (balancer !== undefined) return balancer;
    unknown.push(any.type);
  }
  policy.problem('policies', `has no policy that Outrigger has: ${quoted(unknown.slice(0, 3).join(', '))}`);
  return undefined;
}

function readExtension(any: AnyMessage, { notes }: MessageReader, depth: number): JsonObject | undefined {
  const read = (fields: MessageFields) => readAny(any, fields, notes);
  switch (any.type) {
    case roundRobinFields.message:
      return roundRobin(read(roundRobinFields), slowStartFields);
    case leastRequestFields.message:
      return leastRequest(read(leastRequestFields), slowStartFields);
    case ringHashFields.message: {
      const reader = read(ringHashFields);
      return withBoundedLoad(ringHash(reader), reader);
    }
    case maglevFields.message:
      return maglev(read(maglevFields));
    case randomFields.message:
      read(randomFields);
      return { policy: 'random' };
    case weightedRoundRobinFields.message:
      return weightedRoundRobin(read(weightedRoundRobinFields));
    case wrrLocalityFields.message: {
      const inner = read(wrrLocalityFields).message('endpoint_picking_policy', loadBalancingPolicyFields);
      return inner === undefined || depth >= policyDepthMax ? undefined : readPolicies(inner, depth + 1);
    }
    default:
      return undefined;
  }
}

function roundRobin(reader: MessageReader | undefined, slowStartOf: MessageFields): JsonObject {
  return definedKeys({ policy: 'round_robin', slowStart: slowStart(reader, slowStartOf) });
}

function leastRequest(reader: MessageReader | undefined, slowStartOf: MessageFields): JsonObject {
  const choices = reader?.number('choice_count');
  const bias = reader?.message('active_request_bias', runtimeDoubleFields)?.number('default_value');
  return definedKeys({
    policy: 'least_request',
    choices: choices === undefined ? undefined : clamp(Math.trunc(choices), 1, 1000),
    bias: bias === undefined ? undefined : clamp(bias, 0.1, 10),
    slowStart: slowStart(reader, slowStartOf),
  });
}

function slowStart(reader: MessageReader | undefined, fields: MessageFields): JsonObject | undefined {
  const config = reader?.message('slow_start_config', fields);
  const windowMs = config?.durationMs('slow_start_window') ?? 0;
  const aggression = config?.message('aggression', runtimeDoubleFields)?.number('default_value') ?? 1;
  const minWeight = config?.message('min_weight_percent', percentFields)?.number('value');
  return windowMs <= 0
    ? undefined
    : definedKeys({
        window: durationText(windowMs, { min: 100, max: 3_600_000 }),
        aggression: clamp(aggression, 0.1, 100),
        minWeightPercent: minWeight === undefined ? undefined : clamp(minWeight, 1, 100),
      });
}

const hourMs = 3_600_000;
/** Names that `weightedRoundRobin.metricNamesForComputingUtilization` takes. */
const metricName = /^(named_metrics|utilization)\.[\x21-\x7e]{1,100}$/;
const metricNamesMax = 8;

/** gRFC A58, with names of metrics by A114. */
function weightedRoundRobin(reader: MessageReader): JsonObject {
  const duration = (name: string, min: number, max: number): string | undefined => {
    const ms = reader.durationMs(name);
    return ms === undefined ? undefined : durationText(ms, { min, max });
  };
  const penalty = reader.number('error_utilization_penalty');
  const period = duration('oob_reporting_period', 100, hourMs);
  return definedKeys({
    policy: 'weighted_round_robin',
    weightedRoundRobin: definedKeys({
      blackoutPeriod: duration('blackout_period', 0, hourMs),
      weightExpirationPeriod: duration('weight_expiration_period', 1000, 24 * hourMs),
      weightUpdatePeriod: duration('weight_update_period', 100, hourMs),
      errorUtilizationPenalty: penalty === undefined ? undefined : clamp(penalty, 0, 1000),
      metricNamesForComputingUtilization: metricNames(reader),
    }),
    slowStart: slowStart(reader, slowStartFields),
    outOfBand: reader.flag('enable_oob_load_report') === true ? definedKeys({ period }) : undefined,
  });
}

function metricNames(reader: MessageReader): string[] | undefined {
  const name = 'metric_names_for_computing_utilization';
  const names = reader.texts(name);
  const used = names.filter((one) => metricName.test(one)).slice(0, metricNamesMax);
  if (used.length < names.length)
    reader.warning(
      name,
      `has names that are not used: only named_metrics.NAME and utilization.NAME are, ${metricNamesMax} at most`,
    );
  return used.length === 0 ? undefined : used;
}

function ringHash(reader: MessageReader | undefined): JsonObject {
  const min = reader?.number('minimum_ring_size');
  const max = reader?.number('maximum_ring_size');
  const size = clamp(Math.trunc(max ?? 65_536), 1, ringSizeMax);
  return definedKeys({
    policy: 'ring_hash',
    ringSize:
      min === undefined && max === undefined
        ? undefined
        : { perEndpoint: clamp(Math.trunc(min ?? ringSizeDefault), 1, Math.min(size, 65_536)), max: size },
  });
}

/** `hash_balance_factor` of the extension; the older message has none. */
function withBoundedLoad(balancer: JsonObject, reader: MessageReader): JsonObject {
  const percent = reader.number('hash_balance_factor') ?? 0;
  return percent <= 100
    ? balancer
    : { ...balancer, boundedLoad: { factor: clamp(percent / 100, 1.01, 100) } };
}

function maglev(reader: MessageReader | undefined): JsonObject {
  const size = reader?.number('table_size');
  if (size !== undefined && !(Number.isInteger(size) && size >= 2 && size <= 262_147))
    reader?.problem('table_size', `${size} is not a size from 2 to 262147`);
  return definedKeys({ policy: 'maglev', tableSize: size });
}
