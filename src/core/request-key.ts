import type { HeaderBlock } from './header-block.ts';

/** Where the key of a call may be found; exactly one of these. */
export interface KeySource {
  /** Name of a header (of a metadata key, for gRPC), lower case to be found; its first value. */
  readonly header?: string | undefined;
  /** Name of a cookie, as it is written. */
  readonly cookie?: string | undefined;
  /** The client's IP address, as the connection says. */
  readonly source?: boolean | undefined;
  /** The path without its query. */
  readonly path?: boolean | undefined;
}

/** The first source that yields something other than '' wins; '' where none does. Bytes as they came. */
export function keyOf(sources: readonly KeySource[], head: HeaderBlock, clientAddress: string): string {
  for (let i = 0; i < sources.length; i++) {
    const key = oneKeyOf(sources[i], head, clientAddress);
    if (key !== '') return key;
  }
  return '';
}

function oneKeyOf(source: KeySource, head: HeaderBlock, clientAddress: string): string {
  if (source.header !== undefined) return head.get(source.header) ?? '';
  if (source.cookie !== undefined) return cookieOf(head, source.cookie);
  if (source.path === true) {
    const { path } = head;
    const query = path.indexOf('?');
    return query < 0 ? path : path.slice(0, query);
  }
  return clientAddress;
}

/**
 * The value of a cookie, '' where there is none (RFC 6265 section 5.4; RFC 9113 section 8.2.3: a client may cut its
 * cookies into several fields). Quotes belong to the value.
 */
export function cookieOf(head: HeaderBlock, name: string): string {
  for (const field of head.allFields) {
    if (field.name !== 'cookie') continue;
    const { value } = field;
    for (let at = 0; at < value.length; ) {
      const semicolon = value.indexOf(';', at);
      const end = semicolon < 0 ? value.length : semicolon;
      if (value.startsWith(name, at) && value.charCodeAt(at + name.length) === 0x3d)
        return value.slice(at + name.length + 1, end).trim();
      at = end + 1;
      while (at < value.length && value.charCodeAt(at) === 0x20) at++;
    }
  }
  return '';
}

/** For people: `header x-user-id, else source address`. */
export function describeSources(sources: readonly KeySource[]): string {
  return sources
    .map(({ header, cookie, path }) => {
      if (header !== undefined) return `header ${header}`;
      if (cookie !== undefined) return `cookie ${cookie}`;
      return path === true ? 'path' : 'source address';
    })
    .join(', else ');
}
