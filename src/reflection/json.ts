/** A value of JSON. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A JSON object that any name may be a key of, `__proto__` as well. */
export function emptyObject(): Record<string, Json> {
  return Object.create(null);
}

/** Messages inside messages, as protobuf's own libraries limit them. */
export const messageDepthMax = 100;
