import { shown } from '../../schema/problem.ts';

/** A host name of 253 characters, with a scheme and a port. */
const originCharsMax = 300;
const hostPattern = '[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\\[[0-9a-f:.]+\\]';
const originPattern = new RegExp(`^([a-z][a-z0-9+.-]*)://(\\*\\.)?(${hostPattern})(?::(\\d{1,5}))?$`);

/** Ports that browsers leave out of an origin (WHATWG URL, "special scheme"). */
const defaultPorts: Readonly<Record<string, string>> = { http: '80', https: '443', ws: '80', wss: '443' };

/** What is wrong with an allowed origin, as a sentence; undefined for nothing. */
export function wrongOrigin(text: string): string | undefined {
  if (text === '*') return undefined;
  if (text === 'null')
    return '"null" is the origin of every sandboxed page, so it would allow any site; leave it out';
  const parts = originPattern.exec(text);
  if (parts === null) return `${shown(text)} is not an origin; ${writeInstead(text)}`;
  const [, scheme, , , port] = parts;
  return port !== undefined && defaultPorts[scheme] === port
    ? `${shown(text)} never matches, since browsers leave out port ${port} of ${scheme}; write ${text.slice(0, -port.length - 1)}`
    : undefined;
}

function writeInstead(text: string): string {
  const lower = text.toLowerCase();
  const withoutPath = lower.replace(/^([^/]*:\/\/[^/?#]+)[/?#].*$/, '$1');
  if (originPattern.test(lower)) return `write ${lower}, in lower case`;
  if (originPattern.test(withoutPath)) return `write ${withoutPath}, without a path`;
  if (originPattern.test(`https://${lower}`)) return `write https://${lower}, with its scheme`;
  return 'write https://app.example.com, https://*.example.com or "*"';
}

/** `https://*.example.com`: an origin of this beginning and end, with labels of a host name between. */
interface Suffix {
  readonly scheme: string;
  readonly end: string;
}

/** The origins that a route allows (RFC 6454 section 6.2: scheme, host, port). */
export class AllowedOrigins {
  /** Every origin is allowed. */
  readonly any: boolean;
  private readonly exact: ReadonlySet<string>;
  private readonly suffixes: readonly Suffix[];

  /** `origins` were checked. */
  constructor(origins: readonly string[]) {
    this.any = origins.includes('*');
    this.exact = new Set(origins.filter((origin) => !origin.includes('*')));
    this.suffixes = origins
      .filter((origin) => origin.includes('://*.'))
      .map((origin) => {
        const at = origin.indexOf('*');
        return { scheme: origin.slice(0, at), end: origin.slice(at + 1) };
      });
  }

  allows(origin: string): boolean {
    if (this.any || this.exact.has(origin)) return true;
    if (origin.length > originCharsMax) return false;
    return this.suffixes.some(
      ({ scheme, end }) =>
        origin.length > scheme.length + end.length &&
        origin.startsWith(scheme) &&
        origin.endsWith(end) &&
        /^[a-z0-9_.-]+$/.test(origin.slice(scheme.length, -end.length)),
    );
  }
}
