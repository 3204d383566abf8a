import type { Result } from '../core/result.ts';
import type { Json } from '../reflection/json.ts';

/** Messages that one call may send. */
export const requestMessagesMax = 10_000;

/** Reads the messages of a request: a JSON object, an array of them, or one on each line. */
export function parseData(text: string): Result<readonly Json[]> {
  if (text.trim() === '') return { value: [] };
  const whole = parseJson(text);
  if (whole.error === undefined) return bounded(Array.isArray(whole.value) ? whole.value : [whole.value]);
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  if (lines.length < 2) return whole;
  const messages: Json[] = [];
  for (const [i, line] of lines.entries()) {
    const { value, error } = parseJson(line);
    // A document over several lines that is wrong: the error of the whole says where.
    if (value === undefined) return i === 0 ? whole : { error: `line ${i + 1}: ${error}` };
    messages.push(value);
  }
  return bounded(messages);
}

function parseJson(text: string): Result<Json> {
  try {
    return { value: JSON.parse(text) as Json };
  } catch (error) {
    return { error: `it is not JSON: ${(error as Error).message}` };
  }
}

function bounded(messages: readonly Json[]): Result<readonly Json[]> {
  return messages.length > requestMessagesMax
    ? { error: `it has ${messages.length} messages; one call may send ${requestMessagesMax}` }
    : { value: messages };
}
