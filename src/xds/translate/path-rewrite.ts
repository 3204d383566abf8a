import type { JsonObject } from '../../reflection/json.ts';
import { regexSubstituteFields } from './fields/route-fields.ts';
import type { MessageReader } from './message-reader.ts';
import type { MatchModel } from './route-match.ts';
import { literal, readRegex } from './string-match.ts';

/** Reads a change of the path, of a route or a redirect: the keys `path` or `pathRegex`, or none. */
export function readPathChange(reader: MessageReader, match: MatchModel): JsonObject {
  const prefix = reader.text('prefix_rewrite');
  if (prefix !== '') {
    if (match.match?.path !== undefined) return { path: prefix };
    if (match.prefix === '' && match.match?.pathRegex !== undefined)
      reader.problem('prefix_rewrite', 'belongs to a route with a prefix; use regex_rewrite');
    return {
      pathRegex: { from: `${literal(match.prefix, match.ignoresCase)}(.*)`, to: `${dollars(prefix)}$1` },
    };
  }
  const substitute = reader.message('regex_rewrite', regexSubstituteFields);
  return substitute === undefined ? {} : readSubstitution(substitute);
}

/** Envoy replaces each occurrence; the configuration replaces the path as a whole. An anchored pattern occurs once. */
function readSubstitution(reader: MessageReader): JsonObject {
  const pattern = readRegex(reader, 'pattern');
  const substitution = reader.text('substitution');
  if (!pattern.startsWith('^')) {
    reader.problem('pattern', 'does not begin with "^", so that it could occur several times; anchor it');
    return {};
  }
  const isWhole = pattern.endsWith('$') && !pattern.endsWith('\\$');
  const body = pattern.slice(1, isWhole ? -1 : undefined);
  const to = dollars(substitution).replace(/\\([0-9])/g, (_all, group: string) => `$${group}`);
  if (isWhole) return { pathRegex: { from: body, to } };
  const groups = countGroups(body);
  if (/\\0/.test(substitution) || body.includes('|') || groups >= 9) {
    reader.problem('pattern', 'must end with "$" for this substitution');
    return {};
  }
  return { pathRegex: { from: `${body}(.*)`, to: `${to}$${groups + 1}` } };
}

/** Groups with a number. */
function countGroups(pattern: string): number {
  const plain = pattern.replace(/\\./g, '').replace(/\[[^\]]*\]/g, '');
  return plain.match(/\((?!\?)/g)?.length ?? 0;
}

function dollars(text: string): string {
  return text.replaceAll('$', '$$$$');
}
