import type { Json } from '../../reflection/json.ts';
import { retryBackOffFields, retryPolicyFields } from './fields/route-fields.ts';
import type { MessageReader } from './message-reader.ts';
import type { RetryModel } from './model.ts';
import { quoted } from './notes.ts';
import { clamp, durationText } from './translation.ts';

const attemptsMax = 10;
const conditionsMax = 50;
/** Of Envoy. */
const baseIntervalMsDefault = 25;
const maxIntervalFactor = 10;

/** Conditions that are the same in the configuration. */
const sameConditions: ReadonlySet<string> = new Set([
  '5xx',
  'gateway-error',
  'connect-failure',
  'reset',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
]);

/** Reads a retry policy; null for one that retries nothing. */
export function readRetryPolicy(parent: MessageReader): RetryModel | null {
  const reader = parent.message('retry_policy', retryPolicyFields);
  if (reader === undefined) return null;
  const on = readConditions(reader);
  const retries = reader.number('num_retries') ?? 1;
  const perTryTimeoutMs = reader.durationMs('per_try_timeout') ?? 0;
  const backoff = readBackOff(reader);
  if (on.length === 0 || retries < 1) return null;
  if (retries + 1 > attemptsMax)
    reader.warning('num_retries', `${retries} is above ${attemptsMax - 1}, which applies`);
  return {
    keys: {
      on,
      attempts: clamp(Math.trunc(retries) + 1, 2, attemptsMax),
      ...(backoff === null ? {} : { backoff }),
    },
    perTryTimeoutMs,
  };
}

function readConditions(reader: MessageReader): Json[] {
  const statuses = reader.numbers('retriable_status_codes');
  const on = new Set<Json>();
  for (const word of reader.text('retry_on').split(',')) {
    const condition = word.trim();
    // A refused stream is always retried.
    if (condition === '' || condition === 'refused-stream') continue;
    if (sameConditions.has(condition)) on.add(condition);
    else if (condition === 'retriable-4xx') on.add(409);
    else if (condition === 'reset-before-request') on.add('reset');
    else if (condition === 'retriable-status-codes')
      for (const status of statuses) if (status >= 400 && status <= 599) on.add(Math.trunc(status));
    if (!sameConditions.has(condition) && !/^(retriable-|reset-before-request)/.test(condition))
      reader.warning('retry_on', `${quoted(condition)} is not a condition that Outrigger retries on`);
    if (condition === 'retriable-headers')
      reader.warning('retry_on', '"retriable-headers" is not a condition that Outrigger retries on');
  }
  return [...on].slice(0, conditionsMax);
}

function readBackOff(reader: MessageReader): { readonly base: string; readonly max: string } | null {
  const backOff = reader.message('retry_back_off', retryBackOffFields);
  if (backOff === undefined) return null;
  const base = backOff.durationMs('base_interval') ?? baseIntervalMsDefault;
  const max = Math.max(base, backOff.durationMs('max_interval') ?? base * maxIntervalFactor);
  return { base: durationText(base, { max: 60_000 }), max: durationText(max, { max: 600_000 }) };
}
