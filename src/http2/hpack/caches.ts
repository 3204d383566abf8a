import { FieldInterner } from './field-intern.ts';
import { LiteralMemo } from './literal-memo.ts';
import { NameCache } from './name-cache.ts';

/**
 * What the HPACK decoders of a process remember together, so that a header that repeats on many connections is judged and
 * encoded once. A process makes one (`src/runtime/app.ts`) and passes it to all of its connections with their options; each
 * part is bounded by itself. Sensitive headers never get here (RFC 7541 section 7.1).
 */
export class HpackCaches {
  readonly names = new NameCache();
  readonly literals = new LiteralMemo();
  readonly fields = new FieldInterner();
}
