import type { Result } from '../../core/result.ts';
import type { ReplicaCallRequest, ReplicaCallWay } from './deps.ts';

/** Bytes of the body of a request, which contains the messages of a call. */
export const callBodyBytesMax = 256 * 1024;
/** Headers of one call, and characters of a name, an address, a method or a value. */
const headersMax = 32;
const textCharsMax = 2_048;
const timeoutMinMs = 1;
const timeoutMaxMs = 15_000;

type Fields = Readonly<Record<string, unknown>>;

/** Reads the body of `POST /call/methods`. The error is a sentence. */
export function parseWay(body: Buffer): Result<ReplicaCallWay> {
  const fields = parseFields(body, ['listener', 'endpoint', 'headers']);
  return fields.error === undefined ? wayOf(fields.value) : fields;
}

/** Reads the body of `POST /call`. The error is a sentence. */
export function parseCall(body: Buffer): Result<ReplicaCallRequest> {
  const keys = ['listener', 'endpoint', 'headers', 'method', 'data', 'timeoutMs'];
  const fields = parseFields(body, keys);
  if (fields.error !== undefined) return fields;
  const way = wayOf(fields.value);
  if (way.error !== undefined) return way;
  const { method, data = '', timeoutMs } = fields.value;
  if (typeof method !== 'string' || !/^\/?[\w.]+\/\w+$/.test(method) || method.length > textCharsMax)
    return { error: 'Write the method as "method": "package.Service/Method".' };
  if (typeof data !== 'string')
    return { error: 'Write the messages of the request as JSON within a text: "data": "{}".' };
  const isTimeout =
    Number.isInteger(timeoutMs) && Number(timeoutMs) >= timeoutMinMs && Number(timeoutMs) <= timeoutMaxMs;
  if (timeoutMs !== undefined && !isTimeout)
    return { error: `Write "timeoutMs" as a whole number from ${timeoutMinMs} to ${timeoutMaxMs}.` };
  const timeout = timeoutMs === undefined ? undefined : Number(timeoutMs);
  return { value: { ...way.value, method: method.replace(/^\//, ''), data, timeoutMs: timeout } };
}

function parseFields(body: Buffer, keys: readonly string[]): Result<Fields> {
  let value: unknown;
  try {
    value = JSON.parse(body.length === 0 ? '{}' : body.toString('utf8'));
  } catch (error) {
    return { error: `The body is not JSON: ${(error as Error).message}` };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { error: 'The body must be a JSON object.' };
  const unknown = Object.keys(value).find((key) => !keys.includes(key));
  return unknown === undefined
    ? { value: value as Fields }
    : { error: `There is no ${JSON.stringify(unknown.slice(0, 64))} in the body; use ${keys.join(', ')}.` };
}

function wayOf({ listener, endpoint, headers = [] }: Fields): Result<ReplicaCallWay> {
  if (!isText(listener)) return { error: 'Write "listener" as the name of a listener, or leave it out.' };
  if (!isText(endpoint)) return { error: 'Write "endpoint" as the address of an endpoint, or leave it out.' };
  if (!Array.isArray(headers) || headers.length > headersMax || !headers.every(isPair))
    return {
      error: `Write "headers" as at most ${headersMax} pairs [name, value], each of at most ${textCharsMax} characters.`,
    };
  const pairs = headers.map(([name, value]: [string, string]) => [name.toLowerCase(), value] as const);
  return { value: { listener: listener || undefined, endpoint: endpoint || undefined, headers: pairs } };
}

function isText(value: unknown): value is string | undefined {
  return value === undefined || (typeof value === 'string' && value.length <= textCharsMax);
}

function isPair(pair: unknown): pair is [string, string] {
  return (
    Array.isArray(pair) &&
    pair.length === 2 &&
    pair.every((text) => typeof text === 'string' && text.length <= textCharsMax)
  );
}
