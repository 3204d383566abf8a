import { nearestName } from '../core/nearest.ts';
import { shown } from '../schema/problem.ts';
import type { Raw } from '../schema/scalar-type.ts';
import type { ItemsOfText } from '../schema/shape.ts';
import { endpointShape } from './table/endpoint.ts';

/** An endpoint as a file would hold it. */
export type RawEndpoint = { readonly [key: string]: Raw };

/** One member of a list: an address or a target with the options that follow it, and all of it as it was written. */
export interface ListMember {
  readonly target: string;
  readonly options: readonly string[];
  readonly text: string;
}

/** Options that may follow an address; each is read as the key of the table with its name. */
const optionTypes = {
  weight: endpointShape.keys.weight.type,
  zone: endpointShape.keys.zone.type,
  priority: endpointShape.keys.priority.type,
};

/**
 * Reads `a:1,b:2,weight=2 c:3;weight=3`: addresses separated by commas or spaces, each with the options that follow it.
 * An option is never mistaken for an address, since it has no colon before its `=`; `;` joins an option to its address
 * too, but a shell ends the command there unless the text is quoted.
 */
export const readEndpointList: ItemsOfText = (text) => {
  const { members, errors } = splitList(text);
  const items: RawEndpoint[] = [];
  const wrong = [...errors];
  for (const member of members) {
    const { value, error } = endpointOf(member);
    if (value === undefined) wrong.push(error);
    else items.push(value);
  }
  return { items, errors: wrong };
};

/** The members of a list, unread. */
export function splitList(text: string): { members: readonly ListMember[]; errors: readonly string[] } {
  const members: { target: string; options: string[]; text: string }[] = [];
  const errors: string[] = [];
  for (const part of text.split(/[\s,]+/)) {
    if (part === '') continue;
    const [first, ...options] = part.split(';');
    const last = members.at(-1);
    if (!isOptionText(first)) members.push({ target: first, options, text: part });
    else if (last === undefined) errors.push(`${shown(part)} follows no address; write host:port,${part}`);
    else {
      last.options.push(first, ...options);
      last.text += `,${part}`;
    }
  }
  return { members, errors };
}

/** `weight=2`, or what was meant as such: a word before `=`, without the colon that every target has. */
function isOptionText(part: string): boolean {
  return /^[^:=]*=/.test(part);
}

/** The endpoint of a member, or what is wrong with it. */
export function endpointOf(
  member: ListMember,
): { value: RawEndpoint; error?: undefined } | { value?: undefined; error: string } {
  const { target, options, text } = member;
  const sign = /^(.*:\d{1,5})[@*=](\d[^:]*)$/.exec(target);
  if (sign !== null)
    return {
      error: `${shown(text)}: ${shown(target)} is not an address; for a weight write ${sign[1]},weight=${sign[2]}`,
    };
  const { error } = endpointShape.keys.address.type.parse(target);
  if (error !== undefined) return { error };
  const endpoint: { [key: string]: Raw } = { address: target };
  for (const option of options) {
    const wrong = readOption(option, endpoint);
    if (wrong !== undefined) return { error: `${shown(text)}: ${wrong}` };
  }
  return { value: endpoint };
}

/** Adds `weight=2` to an endpoint, or says what is wrong with it. */
function readOption(option: string, endpoint: { [key: string]: Raw }): string | undefined {
  const equals = option.indexOf('=');
  const key = equals < 0 ? option : option.slice(0, equals);
  if (!isOption(key)) {
    const near = nearestName(key, Object.keys(optionTypes));
    return `${shown(key)} is not an option of an endpoint; ${near === undefined ? 'write weight, zone or priority' : `did you mean ${near}?`}`;
  }
  if (equals < 0 || (equals === option.length - 1 && key !== 'zone'))
    return `${key} has no value; write ${key}=…`;
  if (endpoint[key] !== undefined) return `${key} is written twice; write it once`;
  const raw = optionTypes[key].fromText(option.slice(equals + 1));
  const parsed = optionTypes[key].parse(raw);
  if (parsed.error !== undefined) return `${key}: ${parsed.error}`;
  endpoint[key] = raw;
  return undefined;
}

function isOption(key: string): key is keyof typeof optionTypes {
  return Object.hasOwn(optionTypes, key);
}
