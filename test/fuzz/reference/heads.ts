import type { HeaderBlock } from '../../../src/core/header-block.ts';
import { check } from '../target.ts';

const token = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const connectionSpecific =
  /^(connection|keep-alive|proxy-connection|transfer-encoding|upgrade|http2-settings)$/;

/**
 * What may be routed and forwarded (RFC 9113 sections 8.1 to 8.3, 8.5), so that it means the same to whoever reads it next:
 * written apart from `head-rules.ts`, and checked on every head that gets through.
 */
export function assertForwardable(block: HeaderBlock, as: 'request' | 'response' | 'trailers'): void {
  const fields = block.allFields;
  const pseudo = fields.filter(({ name }) => name.startsWith(':'));
  const regular = fields.filter(({ name }) => !name.startsWith(':'));
  check(
    fields.slice(0, pseudo.length).every((field, i) => field === pseudo[i]),
    'pseudo-headers come first',
  );
  const names = pseudo.map(({ name }) => name);
  check(new Set(names).size === names.length, 'no pseudo-header comes twice');
  for (const { name, value } of fields) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    const splits = /[\x00\r\n]|^[ \t]|[ \t]$/.test(value);
    check(!splits, `a value that could split a message: ${JSON.stringify(value)}`);
    check(!/[^\0-\xff]/.test(value), 'values are bytes');
    if (!name.startsWith(':')) check(token.test(name), `the name ${JSON.stringify(name)}`);
    check(!connectionSpecific.test(name), `the field ${name}`);
    check(name !== 'te' || value === 'trailers', `te: ${value}`);
  }
  const get = (name: string): string | undefined => fields.find((field) => field.name === name)?.value;
  if (as === 'trailers') return check(pseudo.length === 0, 'no pseudo-header in trailers');
  lengthsAgree(regular.filter(({ name }) => name === 'content-length').map(({ value }) => value));
  if (as === 'response') {
    check(names.join() === ':status', `a reply with ${names.join()}`);
    return check(/^[2-5]\d\d$|^[6-9]\d\d$/.test(get(':status') ?? ''), `status ${get(':status')}`);
  }
  request(names, get);
}

function lengthsAgree(lengths: readonly string[]): void {
  check(new Set(lengths).size <= 1, 'one content-length');
  check(
    lengths.every((length) => /^[0-9]+$/.test(length)),
    `content-length ${lengths.join()}`,
  );
}

function request(names: readonly string[], get: (name: string) => string | undefined): void {
  const allowed = [':method', ':protocol', ':scheme', ':authority', ':path'];
  check(
    names.every((name) => allowed.includes(name)),
    `a request with ${names.join()}`,
  );
  const method = get(':method') ?? '';
  check(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(method), `method ${JSON.stringify(method)}`);
  for (const host of [get(':authority'), get('host')]) {
    if (host !== undefined) check(/^[^\s@/?#\\"<>]+$/.test(host), `host ${JSON.stringify(host)}`);
  }
  const protocol = get(':protocol');
  if (protocol !== undefined) {
    check(method === 'CONNECT', ':protocol comes with CONNECT alone');
    check(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(protocol), `:protocol ${JSON.stringify(protocol)}`);
    check(
      get(':authority') !== undefined || get('host') !== undefined,
      'an extended CONNECT has an authority',
    );
    check(get('content-length') === undefined, 'an extended CONNECT has no length');
  } else if (method === 'CONNECT') return;
  check(names.includes(':scheme'), 'a request has a scheme');
  const path = get(':path') ?? '';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  check(path === '*' || /^\/[^\x00-\x20\x7f#]*$/.test(path), `path ${JSON.stringify(path)}`);
}
