import type { Result } from '../core/result.ts';
import type { DescriptorPool, ResolvedMethod } from '../reflection/descriptor-pool.ts';
import type { Json } from '../reflection/json.ts';
import { jsonToMessage } from '../reflection/json-to-message.ts';

/** Encodes the messages of a request; without any, an empty message, or none for a stream of requests. */
export function encodeRequests(
  pool: DescriptorPool,
  { method, input }: ResolvedMethod,
  messages: readonly Json[],
): Result<Buffer[]> {
  const all = messages.length === 0 && !method.requestStream ? [{}] : messages;
  if (!method.requestStream && all.length > 1)
    return { error: ` has ${all.length} messages, and ${method.name} takes one; write one JSON object` };
  const encoded: Buffer[] = [];
  for (const [i, message] of all.entries()) {
    const { value, error } = jsonToMessage(pool, input, message);
    if (value === undefined) return { error: `${all.length > 1 ? `, message ${i + 1}` : ''}: ${error}` };
    encoded.push(value);
  }
  return { value: encoded };
}
