import { layer4Unit } from '../../core/layer4.ts';
import { cookieName, headerName } from '../../schema/names.ts';
import { listed } from '../../schema/problem.ts';
import { duration, number, toggle } from '../../schema/scalar-type.ts';
import { key, list, optionalSection, section } from '../../schema/shape.ts';
import type { BalancerContext, BalancerDraft } from '../kind.ts';

/** Keys that several policies read, with their checks. */

const hashSource = section(
  {
    doc: 'Each item names one source of the key: set exactly one of these.',
    example: '{ header: x-user-id }',
  },
  {
    header: key(headerName, {
      doc: 'The first value of this header (a metadata key, for gRPC). The name is case-insensitive.',
    }),
    cookie: key(cookieName, { doc: 'The value of this cookie.' }),
    source: key(toggle, {
      doc: '`true`: the source address of the connection. Behind another proxy, use the `header` in which that proxy sends the client address.',
    }),
    path: key(toggle, { doc: '`true`: the path without the query.' }),
  },
);

/** For the policies by load. */
export const failPenaltyKeys = {
  failPenalty: section(
    {
      doc: 'For `least_request` and `peak_ewma`: adds load to an endpoint that fails fast, which would otherwise appear idle and get most requests.',
    },
    {
      load: key(number({ min: 0, max: 10_000, whole: false }), {
        default: 20,
        doc: 'Requests in flight that each failure adds to the load of the endpoint, from the second consecutive failure on. 0 turns this off. Use 5 if 5% or more of the requests fail in normal operation.',
      }),
      decay: key(duration({ min: '1ms', max: '10m' }), {
        default: '1s',
        doc: 'Time constant with which the added load decays. A success removes it.',
      }),
    },
  ),
};

/** For the policies by hash. */
export const boundedLoadKeys = {
  boundedLoad: optionalSection(
    {
      doc: 'For the hash policies: if the endpoint of a key has too many requests in flight, the key goes to another endpoint, always the same one.',
      example: '{ factor: 1.25 }',
    },
    {
      factor: key(number({ min: 1.01, max: 100, whole: false }), {
        default: 1.25,
        doc: 'Maximum load of an endpoint, as a multiple of its share of all requests in flight.',
      }),
    },
  ),
};

/** For the policies whose key is configured. */
export const hashKeys = {
  hash: list(
    {
      noun: 'source of a key',
      doc: 'For `ring_hash` and `maglev`: sources of the key. The first source with a value that is not empty gives the key. A request without a key goes to a random endpoint.',
    },
    hashSource,
  ),
};

const sources = ['header', 'cookie', 'source', 'path'] as const;

/** A policy that uses a key has one, from sources that are one thing each, and that the protocol has. */
export function checkHash({ hash }: BalancerDraft, { policy, protocol, problem }: BalancerContext): void {
  if (hash === undefined) return;
  const unit = layer4Unit(protocol);
  if (hash.length === 0)
    problem(
      '.hash',
      `is missing; ${policy} needs to know what a key is, write hash: [{ header: x-user-id }]`,
    );
  hash.forEach((source, i) => {
    const at = `.hash[${i}]`;
    const given = sources.filter((name) => source[name] !== undefined);
    if (given.length !== 1)
      problem(
        given.length === 0 ? at : `${at}.${given[1]}`,
        given.length === 0
          ? 'names no source of a key; write header: NAME, cookie: NAME, source: true or path: true'
          : `${listed(given, 'and')} are two sources; write two entries, the first that is there counts`,
      );
    else if (source.source === false || source.path === false)
      problem(`${at}.${given[0]}`, 'is false and names no source of a key; write true');
    else if (unit !== null && given[0] !== 'source')
      problem(
        `${at}.${given[0]}`,
        `is for http2 and http1, since ${unit} has nothing of the kind; write source: true`,
      );
  });
}

/** A key is configured, and the policy uses none. */
export function checkUnusedHash({ hash }: BalancerDraft, { policy, problem }: BalancerContext): void {
  if (hash === undefined || hash.length === 0) return;
  problem(
    '.hash',
    policy === 'ip_hash'
      ? 'is not for ip_hash, whose key is the client address; leave it out, or write policy: maglev'
      : `is for ring_hash and maglev, and this policy is ${policy}; leave it out`,
  );
}
