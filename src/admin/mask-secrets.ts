import { isSecretKey, masked, maskText } from '../core/secret-keys.ts';

/** A configuration is a few levels deep; what lies deeper is a mistake or an attack. */
const depthMax = 32;

/**
 * A copy of a configuration that may be shown: values under secret-sounding keys, PEM private keys, passwords inside
 * URLs and the values of `{ name: authorization, … }` header matches are replaced. Never throws, never changes its
 * argument; what is not plain data (a function, a cycle) is named instead of copied.
 */
export function maskSecrets(value: unknown): unknown {
  return mask(value, 0, '');
}

/** What a header match compares with, or a header is set to. A cluster may be called `tokens` and hold no secret. */
const comparesOrSets = /^(exact|prefix|suffix|regex|contains|value|values)$/;

/** `under` is the nearest key that the value stands under. */
function mask(value: unknown, depth: number, under: string): unknown {
  if (typeof value === 'string') return maskText(value);
  if (typeof value === 'bigint') return String(value);
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value !== 'object') return value === undefined ? undefined : `(${typeof value})`;
  if (depth >= depthMax) return '(too deep)';
  if (Array.isArray(value)) return value.map((item) => mask(item, depth + 1, under));
  if (Buffer.isBuffer(value) || ArrayBuffer.isView(value)) return masked;
  const entries =
    value instanceof Map ? [...value].map(([k, v]) => [String(k), v] as const) : Object.entries(value);
  return maskEntries(entries, depth, under);
}

function maskEntries(
  entries: ReadonlyArray<readonly [string, unknown]>,
  depth: number,
  under: string,
): object {
  const name = entries.find(([key]) => key === 'name' || key === 'header')?.[1];
  const namesSecret = typeof name === 'string' && isSecretKey(name);
  const copy: Record<string, unknown> = Object.create(null);
  for (const [key, value] of entries) {
    const hide = isSecretKey(key) || (namesSecret && comparesOrSets.test(key));
    copy[key] =
      hide && hides(key, value, under)
        ? masked
        : (maskMetadata(key, value, under) ?? mask(value, depth + 1, key));
  }
  return copy;
}

/**
 * What a health check carries (`health.grpc.metadata`, `health.http.headers`) with every value hidden, whatever its name: it is
 * there for credentials. Undefined for anything else, such as the headers of a route.
 */
function maskMetadata(key: string, value: unknown, under: string): object | undefined {
  const ofHealth = (key === 'metadata' && under === 'grpc') || (key === 'headers' && under === 'http');
  if (!ofHealth) return undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const copy: Record<string, unknown> = Object.create(null);
  for (const [name, text] of Object.entries(value)) copy[name] = text === '' ? '' : masked;
  return copy;
}

/**
 * A flag or an empty value gives nothing away, and tells the reader that there is no secret. A mapping under `cookie` is
 * what a cookie is to be like (`balancer.sticky.cookie`), not what one holds; in a list `hash` it is the name of one.
 */
function hides(key: string, value: unknown, under: string): boolean {
  if (key === 'cookie' && ((typeof value === 'object' && !Array.isArray(value)) || under === 'hash'))
    return false;
  return value !== null && value !== undefined && value !== '' && typeof value !== 'boolean';
}
