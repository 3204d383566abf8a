import { listed, shown } from '../schema/problem.ts';
import { type Raw, wrongKind } from '../schema/scalar-type.ts';
import type { List, Section } from '../schema/shape.ts';

/** What is said of a value that stands where a mapping belongs. */
export function notMapping(section: Section, raw: Raw): string {
  const write =
    mappingOfWord(section, raw) ??
    section.example ??
    `a mapping of ${listed(Object.keys(section.keys), 'and')}`;
  if (typeof raw === 'boolean') return `${raw} is not a mapping; ${fixOfBoolean(section, raw, write)}`;
  if (section.orNone && typeof raw === 'string' && offWords.test(raw))
    return `${shown(raw)} is not a mapping; write none to turn it off`;
  return wrongKind(raw, write).error + missingSpace(raw);
}

/** What other programs write for `none`; YAML 1.2 reads these as text. */
const offWords = /^(off|no|disabled?|never)$/i;

/** `balancer: round_robin`: one of the words that a key of the section takes. */
function mappingOfWord(section: Section, raw: Raw): string | undefined {
  if (typeof raw !== 'string') return undefined;
  const found = Object.entries(section.keys).find(
    ([, shape]) => shape.kind === 'scalar' && (shape.type.jsonSchema.enum as unknown[])?.includes(raw),
  );
  return found === undefined ? undefined : `{ ${found[0]}: ${raw} }`;
}

/** `tls: true`, which other programs take. */
function fixOfBoolean(section: Section, raw: boolean, write: string): string {
  const isOn = section.presence === 'filled';
  if (raw) return isOn ? `remove it for the defaults, or write ${write}` : `write ${write}`;
  if (section.orNone) return 'write none to turn it off';
  return isOn ? `write ${write}` : 'remove it to leave this off';
}

/** `name:outbound`, which YAML takes for one word. */
function missingSpace(raw: Raw): string {
  return typeof raw === 'string' && /^[A-Za-z]+:[^\s/]/.test(raw)
    ? ' (a key requires a space after its colon)'
    : '';
}

/** What is said of a value that stands where a list belongs. */
export function notList(list: List, raw: Raw): string {
  return wrongKind(raw, `a list of ${list.noun}s${exampleOf(list)}`).error;
}

export function atLeastOne(list: List): string {
  return `write at least one ${list.noun}`;
}

function exampleOf({ item: { example } }: List): string {
  return example === undefined ? '' : `, such as [${example}]`;
}
