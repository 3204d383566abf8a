import { isIP } from 'node:net';

/** What resolv.conf(5) says. */
export interface ResolvConf {
  /** Addresses of DNS servers, IPv6 ones perhaps with a zone; empty for the local machine. */
  readonly servers: readonly string[];
  /** Domains that a short name is completed with, in order; '' is the root. */
  readonly search: readonly string[];
  /** A name with this many dots or more is asked for as it is before it is completed. */
  readonly ndots: number;
  /** Milliseconds that one server has to answer; null where the file does not say. */
  readonly timeoutMs: number | null;
  /** How often each server is asked; null where the file does not say. */
  readonly attempts: number | null;
  /** Servers take turns. */
  readonly rotate: boolean;
}

// The limits of the C library.
const serversMax = 3;
const searchMax = 32;
const ndotsMax = 15;
const timeoutSecMax = 30;
const attemptsMax = 5;
const nameCharsMax = 253;

/** @param machine the name of this machine, whose domain is searched where the file names none */
export function parseResolvConf(text: string, machine: string): ResolvConf {
  const servers: string[] = [];
  let search: string[] | null = null;
  const options = new Map<string, string>();
  for (const line of text.split('\n')) {
    // A comment is a line that begins with one of the two (resolv.conf(5)).
    if (/^\s*[;#]/.test(line)) continue;
    const [keyword, ...words] = line.trim().split(/\s+/);
    if (keyword === 'nameserver' && isIP(words[0] ?? '') !== 0) servers.push(words[0]);
    // Of `domain` and `search` the last one holds.
    else if (keyword === 'domain' && words.length > 0) search = words.slice(0, 1);
    else if (keyword === 'search') search = words;
    else if (keyword === 'options') for (const word of words) readOption(options, word);
  }
  const dot = machine.indexOf('.');
  const domains = search ?? (dot < 0 ? [] : [machine.slice(dot + 1)]);
  const timeoutSec = numberOf(options.get('timeout'), timeoutSecMax);
  return {
    servers: servers.slice(0, serversMax),
    search: domains.slice(0, searchMax).map((domain) => domain.replace(/\.$/, '')),
    ndots: numberOf(options.get('ndots'), ndotsMax) ?? 1,
    timeoutMs: timeoutSec === null ? null : Math.max(1, timeoutSec) * 1000,
    attempts: atLeastOne(numberOf(options.get('attempts'), attemptsMax)),
    rotate: options.has('rotate'),
  };
}

function readOption(options: Map<string, string>, word: string): void {
  const colon = word.indexOf(':');
  options.set(colon < 0 ? word : word.slice(0, colon), colon < 0 ? '' : word.slice(colon + 1));
}

function numberOf(text: string | undefined, max: number): number | null {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Math.min(Number(text), max) : null;
}

function atLeastOne(count: number | null): number | null {
  return count === null ? null : Math.max(1, count);
}

/**
 * The full names that a name may stand for, in the order in which DNS is asked for them (resolv.conf(5), `search` and `ndots`).
 * A name that ends with a dot is a full name.
 */
export function fullNames(name: string, { search, ndots }: ResolvConf): readonly string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)];
  const completed = search.map((domain) => (domain === '' ? name : `${name}.${domain}`));
  const dots = name.split('.').length - 1;
  const names = dots >= ndots ? [name, ...completed] : [...completed, name];
  return [...new Set(names)].filter(({ length }) => length <= nameCharsMax);
}
