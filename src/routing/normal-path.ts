/** The normal form of a path (RFC 3986 section 6.2.2), and what a listener may ask for beyond it. */
export interface NormalPathOptions {
  readonly normalizePath: boolean;
  readonly mergeSlashes: boolean;
  readonly escapedSlashes: 'keep' | 'reject' | 'unescape';
}

/** False for a path that no option changes, as almost all of them are: one search for each needle. */
export function hasSomethingToNormalize(path: string): boolean {
  return path.includes('/.') || path.includes('%') || path.includes('//');
}

/**
 * Gives the path in the form to match and forward; its query stays as it came. `path` begins with a slash, and each `%` in it
 * before the query is followed by two hexadecimal digits. Idempotent: `%25` is never decoded, so nothing that it hides
 * appears.
 *
 * The steps, in this order: escaped slashes become slashes; needless percent-encodings are decoded and the others
 * written in upper case; slashes are merged; dot segments are removed (RFC 3986 section 5.2.4), at the root as well.
 */
export function normalizePath(path: string, options: NormalPathOptions): string {
  const query = path.indexOf('?');
  let normal = query < 0 ? path : path.slice(0, query);
  if (options.escapedSlashes === 'unescape') normal = normal.replace(/%(?:2f|5c)/gi, '/');
  if (options.normalizePath) normal = normalizeEncodings(normal);
  if (options.mergeSlashes) normal = normal.replace(/\/{2,}/g, '/');
  if (options.normalizePath && normal.includes('/.')) normal = removeDotSegments(normal);
  return query < 0 ? normal : normal + path.slice(query);
}

/** Decodes needless percent-encodings, and writes the others in upper case (RFC 3986 sections 6.2.2.1 and 6.2.2.2). */
export function normalizeEncodings(text: string): string {
  return text.replace(/%[0-9A-Fa-f]{2}/g, normalEncoding);
}

function normalEncoding(encoded: string): string {
  const char = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
  return /[A-Za-z0-9\-._~]/.test(char) ? char : encoded.toUpperCase();
}

/** RFC 3986 section 5.2.4. */
function removeDotSegments(path: string): string {
  const segments = path.split('/');
  const kept: string[] = [];
  // The first is what stands before the first slash: nothing.
  for (let i = 1; i < segments.length; i++) {
    const segment = segments[i];
    const dots = segment === '.' || segment === '..';
    if (segment === '..') kept.pop();
    if (!dots) kept.push(segment);
    // A dot segment at the end leaves the slash before it.
    else if (i === segments.length - 1) kept.push('');
  }
  return `/${kept.join('/')}`;
}
