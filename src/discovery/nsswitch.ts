/** In what order the sources of a host name are asked. */
export interface SourceOrder {
  /** `resolve`, which is systemd's, counts as `dns`: its stub is in resolv.conf. */
  readonly sources: ReadonlyArray<'files' | 'dns'>;
  /** Sources after which a name that they do not have is not searched any further (`[NOTFOUND=return]`). */
  readonly final: ReadonlySet<'files' | 'dns'>;
  /** Names under `.local` are multicast DNS's (RFC 6762 section 3), which only the C library asks. */
  readonly multicast: boolean;
}

/** What the C library does where nsswitch.conf says nothing. */
const usual: SourceOrder = { sources: ['files', 'dns'], final: new Set(), multicast: false };

/**
 * Reads the `hosts` line of nsswitch.conf(5). Sources that only the C library can ask (`myhostname`, `wins`) are left to it:
 * it is asked last of all.
 */
export function parseNsswitch(text: string): SourceOrder {
  const line = text
    .split('\n')
    .map((one) => one.replace(/#.*/s, '').trim())
    .find((one) => /^hosts\s*:/i.test(one));
  if (line === undefined) return usual;
  const sources: Array<'files' | 'dns'> = [];
  const final = new Set<'files' | 'dns'>();
  let multicast = false;
  let latest: 'files' | 'dns' | null = null;
  for (const word of line.slice(line.indexOf(':') + 1).match(/\[[^\]]*\]|[^\s[]+/g) ?? []) {
    if (word.startsWith('[')) {
      if (latest !== null && endsSearch(word)) final.add(latest);
      continue;
    }
    latest = word === 'files' ? 'files' : word === 'dns' || word === 'resolve' ? 'dns' : null;
    if (word.startsWith('mdns')) multicast = true;
    if (latest !== null && !sources.includes(latest)) sources.push(latest);
  }
  return { sources, final, multicast };
}

/** `[NOTFOUND=return]`, and `[!UNAVAIL=return]`, which says the same of a source that answers. */
function endsSearch(action: string): boolean {
  return /(^|[\s[])(NOTFOUND|!UNAVAIL|!TRYAGAIN|!SUCCESS)\s*=\s*return/i.test(action);
}
