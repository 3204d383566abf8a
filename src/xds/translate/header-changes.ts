import type { JsonObject } from '../../reflection/json.ts';
import { headerOptionFields, headerValueFields } from './fields/route-fields.ts';
import type { MessageReader } from './message-reader.ts';
import { quoted } from './notes.ts';

/** Changes to the headers of one message, in the order in which they apply: a later one of the same name replaces. */
export interface HeaderChanges {
  readonly remove: string[];
  readonly set: Record<string, string>;
  readonly add: Record<string, string>;
}

export interface RouteHeaderChanges {
  readonly request: HeaderChanges;
  readonly reply: HeaderChanges;
}

export function noHeaderChanges(): RouteHeaderChanges {
  return { request: { remove: [], set: {}, add: {} }, reply: { remove: [], set: {}, add: {} } };
}

/** Adds the header changes of a route, a virtual host or a route configuration. */
export function readHeaderChanges(reader: MessageReader, into: RouteHeaderChanges): void {
  readOptions(reader, 'request_headers_to_add', into.request);
  readOptions(reader, 'response_headers_to_add', into.reply);
  into.request.remove.push(...reader.texts('request_headers_to_remove').map(lowerCase));
  into.reply.remove.push(...reader.texts('response_headers_to_remove').map(lowerCase));
}

/** The key `headers` of a route; undefined for no changes. */
export function headersKey({ request, reply }: RouteHeaderChanges): JsonObject | undefined {
  const [requestKeys, replyKeys] = [changesKey(request), changesKey(reply)];
  if (requestKeys === undefined && replyKeys === undefined) return undefined;
  return {
    ...(requestKeys === undefined ? {} : { request: requestKeys }),
    ...(replyKeys === undefined ? {} : { reply: replyKeys }),
  };
}

function changesKey({ remove, set, add }: HeaderChanges): JsonObject | undefined {
  const removed = [...new Set(remove)].filter(
    (name) => !Object.hasOwn(set, name) && !Object.hasOwn(add, name),
  );
  const added = Object.fromEntries(Object.entries(add).filter(([name]) => !Object.hasOwn(set, name)));
  const keys = {
    ...(removed.length === 0 ? {} : { remove: removed }),
    ...(Object.keys(set).length === 0 ? {} : { set: { ...set } }),
    ...(Object.keys(added).length === 0 ? {} : { add: added }),
  };
  return Object.keys(keys).length === 0 ? undefined : keys;
}

function readOptions(reader: MessageReader, name: string, into: HeaderChanges): void {
  for (const option of reader.messages(name, headerOptionFields)) {
    const header = option.message('header', headerValueFields);
    if (header === undefined) {
      option.problem('header', 'is missing; send a name and a value');
      continue;
    }
    const key = header.text('key').toLowerCase();
    const raw = Buffer.from(header.text('raw_value'), 'base64').toString('latin1');
    const value = templateOf(header.text('value') || raw, header);
    const action = option.text('append_action') || 'APPEND_IF_EXISTS_OR_ADD';
    const replaces = action === 'OVERWRITE_IF_EXISTS_OR_ADD' || option.flag('append') === false;
    if (!replaces && action !== 'APPEND_IF_EXISTS_OR_ADD')
      option.problem('append_action', `${quoted(action)} is not supported; append or overwrite the header`);
    // Without an own property a name such as __proto__ would be lost.
    Object.defineProperty(replaces ? into.set : into.add, key, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
}

/** Commands of Envoy's format strings, and the variables for them. */
const variables: Readonly<Record<string, string>> = {
  '%': '%',
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: '{client.address}',
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: '{client.address}',
  DOWNSTREAM_REMOTE_PORT: '{client.port}',
  DOWNSTREAM_REMOTE_ADDRESS: '{client.address}:{client.port}',
  UPSTREAM_CLUSTER: '{cluster}',
  UPSTREAM_HOST: '{endpoint}',
  UPSTREAM_REMOTE_ADDRESS: '{endpoint}',
  ROUTE_NAME: '{route}',
  'REQ(:METHOD)': '{request.method}',
  'REQ(:PATH)': '{request.path}',
  'REQ(:AUTHORITY)': '{request.authority}',
  TRACE_ID: '{trace.id}',
};

/** A value as `headers` of a route has it: braces doubled, commands replaced by variables. */
function templateOf(value: string, reader: MessageReader): string {
  return value.replaceAll('{', '{{').replace(/%([^%]*)%/g, (_all, command: string) => {
    const key = command === '' ? '%' : command;
    if (Object.hasOwn(variables, key)) return variables[key];
    reader.problem('value', `has the command ${quoted(`%${command}%`)}, which Outrigger does not have`);
    return '';
  });
}

function lowerCase(name: string): string {
  return name.toLowerCase();
}
