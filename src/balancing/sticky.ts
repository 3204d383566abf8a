import { createHmac } from 'node:crypto';
import { Field } from '../core/field.ts';
import { HeaderBlock } from '../core/header-block.ts';
import { processSecret } from '../core/random.ts';
import { cookieOf } from '../core/request-key.ts';
import type { Affinity } from './affinity.ts';
import type { Balancer, Candidate } from './candidate.ts';
import { PickReason } from './pick-reason.ts';

/** How a session says which endpoint it is bound to; one of `cookie` and `metadata` at the least. */
export interface StickySettings {
  readonly cookie?: StickyCookie | undefined;
  /** A header, lower case on the wire: what gRPC clients use, who keep no cookies. */
  readonly metadata?: string | undefined;
  /** What tokens are signed with; without one they hold for this process alone. */
  readonly secret?: string | undefined;
}

export interface StickyCookie {
  readonly name: string;
  readonly path: string;
  /** Milliseconds from when it is set; without, the client keeps it as long as its session. */
  readonly ttlMs?: number | undefined;
  readonly sameSite: 'strict' | 'lax' | 'none';
  readonly secure: boolean;
}

/** Characters of a token, 6 bits each: 132 bits of the code, more than anyone can guess. */
const tokenChars = 22;

/**
 * What a client is given for an endpoint: the HMAC (SHA-256) of its address. It names the endpoint to whoever has the
 * secret, and to nobody else; there is no other way to make one, so that a client cannot choose, and none to learn the
 * address from it.
 */
export function sessionToken(settings: StickySettings, address: string): string {
  const code = createHmac('sha256', settings.secret ?? processSecret).update(`endpoint ${address}`);
  return code.digest('base64url').slice(0, tokenChars);
}

/** Reads the token of a call, and puts one on the reply where the endpoint is not the one that the client named. */
export function stickyAffinity(settings: StickySettings): Affinity {
  const { cookie } = settings;
  const metadata = settings.metadata?.toLowerCase();
  const fieldsOf = rememberedPer((endpoint: Candidate) => bindingFields(settings, endpoint));
  return {
    keyOf(head) {
      const token = cookie === undefined ? '' : cookieOf(head, cookie.name);
      return token === '' && metadata !== undefined ? (head.get(metadata) ?? '') : token;
    },
    bind(reply, key, endpoint) {
      const { token, fields } = fieldsOf(endpoint);
      return key === token ? reply : new HeaderBlock(fields, reply);
    },
  };
}

interface Binding {
  readonly token: string;
  readonly fields: readonly Field[];
}

function bindingFields(settings: StickySettings, endpoint: Candidate): Binding {
  const { cookie, metadata } = settings;
  const token = tokensOf(settings)(endpoint);
  const fields: Field[] = [];
  if (cookie !== undefined)
    fields.push(new Field('set-cookie', `${cookie.name}=${token}${attributes(cookie)}`));
  if (metadata !== undefined) fields.push(new Field(metadata.toLowerCase(), token));
  return { token, fields };
}

/** RFC 6265 section 4.1. No script of a page has any business with it, so it is `HttpOnly` always. */
function attributes({ path, ttlMs, sameSite, secure }: StickyCookie): string {
  const age = ttlMs === undefined ? '' : `; Max-Age=${Math.ceil(ttlMs / 1000)}`;
  const site = { strict: 'Strict', lax: 'Lax', none: 'None' }[sameSite];
  return `; Path=${path}${age}; HttpOnly; SameSite=${site}${secure ? '; Secure' : ''}`;
}

/** As long as the object lives and no longer. */
function rememberedPer<K extends object, V>(make: (key: K) => V): (key: K) => V {
  const known = new WeakMap<K, V>();
  return (key) => {
    let value = known.get(key);
    if (value === undefined) {
      value = make(key);
      known.set(key, value);
    }
    return value;
  };
}

/** Balancers are rebuilt as health changes, and a code takes 10 µs. */
const tokensOf = rememberedPer((settings: StickySettings) =>
  rememberedPer((endpoint: Candidate) => sessionToken(settings, endpoint.address)),
);

export interface StickyOptions<E extends Candidate> {
  readonly endpoints: readonly E[];
  readonly settings: StickySettings;
  /** For calls without a session, and those whose endpoint is gone or unusable. */
  readonly newSession: Balancer<E>;
  /**
   * For metadata that is no token of ours: a client that names its session itself stays where the hash of that name leads.
   * Null where there are cookies only: one we do not know is one whose endpoint is gone.
   */
  readonly byName: Balancer<E> | null;
}

/** The endpoint that the client's token names; another policy where there is none such. */
export function sticky<E extends Candidate>({
  endpoints,
  settings,
  newSession,
  byName,
}: StickyOptions<E>): Balancer<E> {
  const tokenOf = tokensOf(settings);
  const bound = new Map<string, E>();
  for (const endpoint of endpoints) bound.set(tokenOf(endpoint), endpoint);
  return {
    endpoints,
    pick(nowMs, excluded, key) {
      if (key === '') return newSession.pick(nowMs, excluded, '');
      const endpoint = bound.get(key);
      if (endpoint !== undefined)
        return excluded?.has(endpoint) ? newSession.pick(nowMs, excluded, '') : endpoint;
      return byName === null ? newSession.pick(nowMs, excluded, '') : byName.pick(nowMs, excluded, key);
    },
    explain(picked, nowMs, key) {
      const endpoint = bound.get(key);
      if (endpoint === picked) return new PickReason(boundWords, 0, picked, picked.weight, 0);
      if (key !== '' && endpoint === undefined && byName !== null) return byName.explain(picked, nowMs, key);
      const why =
        key === ''
          ? 'a new session'
          : endpoint === undefined
            ? 'the endpoint of its session is gone or unusable'
            : 'an earlier attempt has used the endpoint of its session';
      const reason = newSession.explain(picked, nowMs, '');
      reason.where = reason.where === '' ? why : `${why}; ${reason.where}`;
      return reason;
    },
  };
}

const boundWords = ({ address, active }: PickReason): string =>
  `the session of the request is bound to ${address} (${active} in flight)`;
