import { isIP } from 'node:net';
import { type Address, formatAddress } from '../../core/address.ts';
import { shown } from '../../schema/problem.ts';
import { clustersOfRoute } from './policies.ts';
import type { Rule } from './rule.ts';

interface Bound {
  readonly path: string;
  /** TCP and UDP have ports of their own. */
  readonly transport: 'tcp' | 'udp';
  readonly address: Address;
}

/** Two listeners, or a listener and the admin server, cannot have one address. */
const listenAddressesDiffer: Rule = (config, diagnostics) => {
  const bound: Bound[] = [];
  const { listen: admin, probes } = config.admin ?? {};
  if (admin !== undefined) bound.push({ path: 'admin.listen', transport: 'tcp', address: admin });
  if (probes !== undefined) bound.push({ path: 'admin.probes', transport: 'tcp', address: probes });
  config.listeners?.forEach((listener, i) => {
    const transport = listener.protocol === 'udp' ? 'udp' : 'tcp';
    if (listener.listen !== undefined)
      bound.push({ path: `listeners[${i}].listen`, transport, address: listener.listen });
  });
  bound.forEach(({ path, transport, address }, i) => {
    const other = bound
      .slice(0, i)
      .find((before) => before.transport === transport && clash(before.address, address));
    if (other === undefined) return;
    const [text, otherText] = [formatAddress(address), formatAddress(other.address)];
    const by = text === otherText ? other.path : `${other.path}, which is ${otherText}`;
    const another = text.startsWith('unix:') ? 'path' : 'port';
    diagnostics.problem(path, `${shown(text)} is taken by ${by}; write another ${another}`);
  });
};

/** A call that an endpoint's address sends back to the listener it came by would go round for ever. */
const noListenerCallsItself: Rule = (config, diagnostics, { policies }) => {
  config.listeners?.forEach((listener) => {
    const { listen, routes = [] } = listener;
    if (listen === undefined) return;
    const named = routes.flatMap((route) => clustersOfRoute(route, '', policies));
    const used = new Set([listener.cluster, ...named.map(({ name }) => name)]);
    config.clusters?.forEach((cluster, i) => {
      if (cluster.name === undefined || !used.has(cluster.name)) return;
      cluster.endpoints?.forEach(({ address }, j) => {
        if (address === undefined || !clash(listen, address)) return;
        const path = `clusters[${i}].endpoints[${j}].address`;
        const loop = `is where listener ${shown(listener.name ?? '')} listens, so calls would go round for ever`;
        diagnostics.problem(
          path,
          `${shown(formatAddress(address))} ${loop}; write the address of the service`,
        );
      });
    });
  });
};

/** Whether both cannot be bound, or the one reaches the other. Port 0 is a new one each time. */
function clash(a: Address, b: Address): boolean {
  if (a.kind === 'unix' || b.kind === 'unix')
    return a.kind === b.kind && formatAddress(a) === formatAddress(b);
  if (a.port !== b.port || a.port === 0) return false;
  const [hostA, hostB] = [normal(a.host), normal(b.host)];
  if (hostA === hostB) return true;
  // The wildcard of IPv6 takes IPv4 along; that of IPv4 takes no IPv6.
  const [wide, narrow] = isWildcard(hostA) ? [hostA, hostB] : [hostB, hostA];
  return isWildcard(wide) && (wide === '::' || isIP(narrow) === 4) && (isLocal(narrow) || isWildcard(narrow));
}

function normal(host: string): string {
  const lower = host.toLowerCase();
  return lower === 'localhost' ? '127.0.0.1' : lower === '[::]' ? '::' : lower;
}

function isWildcard(host: string): boolean {
  return host === '::' || host === '0.0.0.0';
}

/** Only loopback is surely this machine: `10.0.0.7:80` beside a listener on `0.0.0.0:80` is most often another one. */
function isLocal(host: string): boolean {
  return host === '::1' || /^127\./.test(host);
}

/** A mode and an owner are of a file, and only a `unix:` address has one. */
const socketIsOfUnixAddress: Rule = (config, diagnostics) => {
  const check = (at: string, address: Address | undefined, socket: object = {}): void => {
    const written = Object.values(socket).some((value) => value !== undefined);
    if (written && address?.kind === 'tcp')
      diagnostics.problem(
        `${at}.socket`,
        `is for a unix: address, and listen is ${shown(formatAddress(address))}; remove it, or write listen: unix:/path`,
      );
  };
  check('admin', config.admin?.listen, config.admin?.socket);
  config.listeners?.forEach((listener, i) => {
    check(`listeners[${i}]`, listener.listen, listener.socket);
  });
};

export const addressRules = {
  listenAddressesDiffer,
  noListenerCallsItself,
  socketIsOfUnixAddress,
} satisfies Record<string, Rule>;
