import { listed } from '../../schema/problem.ts';
import type { DraftCluster, Rule } from './rule.ts';

type DraftBalancer = NonNullable<DraftCluster['balancer']>;

function forEachBalancer(
  config: Parameters<Rule>[0],
  visit: (balancer: DraftBalancer, path: string, cluster: DraftCluster) => void,
): void {
  config.clusters?.forEach((cluster, i) => {
    if (cluster.balancer !== undefined) visit(cluster.balancer, `clusters[${i}].balancer`, cluster);
  });
}

/** Policies that ask for a key have one, and others are not given any. */
const hashHasKey: Rule = (config, diagnostics) => {
  forEachBalancer(config, ({ policy, hash }, path) => {
    if (policy === undefined || hash === undefined) return;
    const wanted = policy === 'ring_hash' || policy === 'maglev';
    if (wanted && hash.length === 0)
      diagnostics.problem(
        `${path}.hash`,
        `is missing; ${policy} needs to know what a key is, write hash: [{ header: x-user-id }]`,
      );
    else if (!wanted && hash.length > 0)
      diagnostics.problem(
        `${path}.hash`,
        policy === 'ip_hash'
          ? 'is not for ip_hash, whose key is the client address; leave it out, or write policy: maglev'
          : `is for ring_hash and maglev, and this policy is ${policy}; leave it out`,
      );
  });
};

const sources = ['header', 'cookie', 'source', 'path'] as const;

/** Each source of a key is one thing, and one that the protocol has. */
const hashSourcesAreClear: Rule = (config, diagnostics) => {
  forEachBalancer(config, ({ hash }, path, { protocol }) => {
    hash?.forEach((source, i) => {
      const at = `${path}.hash[${i}]`;
      const given = sources.filter((name) => source[name] !== undefined);
      if (given.length !== 1)
        diagnostics.problem(
          given.length === 0 ? at : `${at}.${given[1]}`,
          given.length === 0
            ? 'names no source of a key; write header: NAME, cookie: NAME, source: true or path: true'
            : `${listed(given, 'and')} are two sources; write two entries, the first that is there counts`,
        );
      else if (source.source === false || source.path === false)
        diagnostics.problem(`${at}.${given[0]}`, 'is false and names no source of a key; write true');
      else if (protocol === 'tcp' && given[0] !== 'source')
        diagnostics.problem(
          `${at}.${given[0]}`,
          'is for http2 and http1, since a tcp connection has nothing of the kind; write source: true',
        );
    });
  });
};

/** Sessions are told apart by something, which the client is able to send back. */
const stickyHasToken: Rule = (config, diagnostics) => {
  forEachBalancer(config, ({ policy, sticky }, path, { protocol }) => {
    if (policy === undefined) return;
    if (policy !== 'sticky_cookie') {
      if (sticky !== undefined)
        diagnostics.problem(
          `${path}.sticky`,
          `is for sticky_cookie, and this policy is ${policy}; leave it out`,
        );
      return;
    }
    if (protocol === 'tcp')
      diagnostics.problem(
        `${path}.policy`,
        '"sticky_cookie" is for http2 and http1, since a tcp connection has no cookies; write ip_hash',
      );
    else if (sticky?.cookie === undefined && sticky?.metadata === undefined)
      diagnostics.problem(
        `${path}.sticky`,
        'has neither cookie nor metadata; write cookie: { name: session }, or metadata: x-session for gRPC',
      );
    if (sticky?.cookie?.sameSite === 'none' && sticky.cookie.secure === false)
      diagnostics.problem(
        `${path}.sticky.cookie.secure`,
        'is false, and browsers drop a cookie with sameSite: none then; write true',
      );
  });
};

const hashSizesAgree: Rule = (config, diagnostics) => {
  forEachBalancer(config, ({ ringSize, tableSize }, path) => {
    const { perEndpoint, max } = ringSize ?? {};
    if (perEndpoint !== undefined && max !== undefined && perEndpoint > max)
      diagnostics.problem(
        `${path}.ringSize.perEndpoint`,
        `${perEndpoint} is above max; write ${max} or less`,
      );
    if (tableSize !== undefined && !isPrime(tableSize)) {
      let prime = tableSize;
      while (!isPrime(prime)) prime++;
      diagnostics.problem(`${path}.tableSize`, `${tableSize} is not a prime; write ${prime}`);
    }
  });
};

function isPrime(number: number): boolean {
  for (let divisor = 2; divisor * divisor <= number; divisor++) if (number % divisor === 0) return false;
  return number > 1;
}

export const balancerRules = {
  hashHasKey,
  hashSourcesAreClear,
  hashSizesAgree,
  stickyHasToken,
} satisfies Record<string, Rule>;
