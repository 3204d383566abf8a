import { hasParts } from '../core/name-pattern.ts';

/** Whether a text matches a pattern in which each `*` stands for any characters. Takes time in proportion to both lengths. */
export function matchesGlob(pattern: string, text: string): boolean {
  return hasParts(text, pattern.split('*'));
}

/**
 * Whether a pattern names a gRPC method or a path. `/shop.Orders/Get` is the path; `shop.Orders` or `Orders` a service, all of its
 * methods; `Orders/Get` or `Get` a method; and with `*` the pattern stands for the whole path, with or without its first slash.
 */
export function matchesMethod(pattern: string, path: string): boolean {
  const mark = path.indexOf('?');
  const plain = mark < 0 ? path : path.slice(0, mark);
  if (pattern === plain) return true;
  const relative = plain.startsWith('/') ? plain.slice(1) : plain;
  if (pattern.includes('*')) return matchesGlob(pattern, plain) || matchesGlob(pattern, relative);
  if (pattern.startsWith('/')) return false;
  const slash = relative.lastIndexOf('/');
  if (slash < 0) return relative === pattern;
  const service = relative.slice(0, slash);
  const method = relative.slice(slash + 1);
  return isTail(pattern, relative) || isTail(pattern, service) || pattern === method;
}

/** `Orders` and `shop.Orders` of `shop.Orders`, but not `ders`. */
function isTail(pattern: string, name: string): boolean {
  if (pattern === name) return true;
  const before = name.charAt(name.length - pattern.length - 1);
  return name.endsWith(pattern) && (before === '.' || before === '/');
}
