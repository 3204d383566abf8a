import type { JsonObject } from '../../reflection/json.ts';
import { regexFields, stringMatcherFields } from './fields/route-fields.ts';
import type { MessageReader } from './message-reader.ts';

/** A condition on a text: one of the keys `exact`, `prefix` and `regex` of a match. */
export type TextCondition = JsonObject;

/** Reads `type.matcher.v3.StringMatcher`; undefined after a problem. */
export function readStringMatcher(reader: MessageReader, name: string): TextCondition | undefined {
  const matcher = reader.message(name, stringMatcherFields);
  if (matcher === undefined) return undefined;
  const ignoreCase = matcher.flag('ignore_case') === true;
  if (matcher.has('exact')) return textCondition('exact', matcher.text('exact'), ignoreCase);
  if (matcher.has('prefix')) return textCondition('prefix', matcher.text('prefix'), ignoreCase);
  if (matcher.has('suffix')) return { regex: `.*${literal(matcher.text('suffix'), ignoreCase)}` };
  if (matcher.has('contains')) return { regex: `.*${literal(matcher.text('contains'), ignoreCase)}.*` };
  if (matcher.has('safe_regex')) return { regex: readRegex(matcher, 'safe_regex') };
  matcher.problem('', 'has no condition; send exact, prefix, suffix, contains or safe_regex');
  return undefined;
}

export function textCondition(kind: 'exact' | 'prefix', text: string, ignoreCase: boolean): TextCondition {
  if (kind === 'prefix' && text === '') return { present: true };
  if (!ignoreCase) return { [kind]: text };
  return { regex: `${literal(text, true)}${kind === 'prefix' ? '.*' : ''}` };
}

/** The pattern of a RegexMatcher. */
export function readRegex(reader: MessageReader, name: string): string {
  const matcher = reader.message(name, regexFields);
  const regex = matcher?.text('regex') ?? '';
  if (matcher !== undefined && regex === '') matcher.problem('regex', 'is empty; send a regular expression');
  return regex;
}

/** A regular expression for a text itself. */
export function literal(text: string, ignoreCase = false): string {
  let pattern = '';
  for (const character of text) {
    const [lower, upper] = [character.toLowerCase(), character.toUpperCase()];
    if (ignoreCase && /[A-Za-z]/.test(character)) pattern += `[${lower}${upper}]`;
    else
      pattern +=
        /[\\^$.*+?()[\]{}|/-]/.test(character) && character !== '/' && character !== '-'
          ? `\\${character}`
          : character;
  }
  return pattern;
}
