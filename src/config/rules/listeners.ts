import { checkMatch, takesAll } from '../../routing/match-check.ts';
import type { Diagnostics } from '../../schema/diagnostics.ts';
import { shown } from '../../schema/problem.ts';
import { pemFilesMatch } from './files.ts';
import type { DraftListener, Rule } from './rule.ts';

/** `auto` listeners have routes, `tcp` and `udp` ones a cluster. */
const protocolMatchesKeys: Rule = (config, diagnostics) => {
  config.listeners?.forEach((listener, i) => {
    const path = `listeners[${i}]`;
    const routes = listener.routes?.length ?? 0;
    if (listener.protocol === 'tcp' || listener.protocol === 'udp')
      passthroughKeys(listener, listener.protocol, path, routes, diagnostics);
    else if (listener.protocol === 'auto') {
      if (listener.cluster !== undefined)
        diagnostics.problem(
          `${path}.cluster`,
          `a listener names a cluster only with protocol: tcp or udp; write routes: [{ name: all, cluster: ${listener.cluster} }]`,
        );
      else if (routes === 0 && diagnostics.lineOf(`${path}.routes`) === diagnostics.lineOf(path))
        diagnostics.problem(
          `${path}.routes`,
          'is missing; write at least one route, such as { name: all, cluster: … }',
        );
      else if (routes === 0) diagnostics.problem(`${path}.routes`, 'is empty; write at least one route');
    }
  });
};

function passthroughKeys(
  listener: DraftListener,
  protocol: 'tcp' | 'udp',
  path: string,
  routes: number,
  diagnostics: Diagnostics,
): void {
  if (routes > 0)
    diagnostics.problem(
      `${path}.routes`,
      `is for protocol: auto, since a ${protocol} listener reads no HTTP; write cluster instead`,
    );
  else if (listener.cluster === undefined)
    diagnostics.problem(
      `${path}.cluster`,
      `is missing; write the name of the cluster that gets the ${protocol === 'tcp' ? 'connections' : 'datagrams'}`,
    );
  if (listener.tls !== undefined)
    diagnostics.problem(
      `${path}.tls`,
      protocol === 'tcp'
        ? 'is for protocol: auto, since a tcp listener passes TLS on as it is; leave it out'
        : 'is for protocol: auto, since a udp listener passes DTLS and QUIC on as they are; leave it out',
    );
}

/** Only what is in front of the replica can report its load, and only replies can carry it. */
const reportersAreInbound: Rule = (config, diagnostics) => {
  config.listeners?.forEach(({ direction, protocol, reportLoad }, i) => {
    if (reportLoad !== true) return;
    const path = `listeners[${i}].reportLoad`;
    if (direction === 'outbound')
      diagnostics.problem(
        path,
        'is for listeners in front of the local service, and this listener is outbound; write direction: inbound, or leave it out',
      );
    else if (protocol === 'tcp' || protocol === 'udp')
      diagnostics.problem(path, `is for protocol: auto, since ${protocol} has no headers; leave it out`);
  });
};

/** UDP needs a host and port, and only UDP has sessions. */
const udpIsWhole: Rule = (config, diagnostics) => {
  config.listeners?.forEach(({ protocol, listen, udp }, i) => {
    const path = `listeners[${i}]`;
    if (protocol === 'udp' && listen?.kind === 'unix')
      diagnostics.problem(
        `${path}.listen`,
        'is a socket file, and protocol is udp; write host:port, such as 127.0.0.1:53',
      );
    if (protocol !== undefined && protocol !== 'udp' && isWritten(udp, `${path}.udp`, diagnostics))
      diagnostics.problem(
        `${path}.udp`,
        `is for protocol: udp, and this listener is ${protocol}; leave it out`,
      );
  });
};

/** Whether a section that has defaults stands in the file: without it, its place is that of what it belongs to. */
function isWritten(section: object | undefined, path: string, diagnostics: Diagnostics): boolean {
  if (section === undefined) return false;
  return diagnostics.lineOf(path) !== diagnostics.lineOf(path.slice(0, path.lastIndexOf('.')));
}

/** TLS that can be set up: mutual TLS has authorities to check against, files can be read. */
const tlsIsWhole: Rule = (config, diagnostics, help) => {
  config.listeners?.forEach(({ tls }, i) => {
    if (tls === undefined) return;
    const path = `listeners[${i}].tls`;
    if (tls.requireClientCert === true && tls.clientCa === undefined)
      diagnostics.problem(
        `${path}.requireClientCert`,
        'true needs authorities to check against; write clientCa too',
      );
    const authorities = { named: 'clientCa', file: tls.clientCa } as const;
    pemFilesMatch({ cert: tls.cert, key: tls.key, authorities }, path, diagnostics, help);
  });
};

/** What the routes match makes sense. */
const matchesAreSound: Rule = (config, diagnostics) => {
  config.listeners?.forEach((listener, i) => {
    listener.routes?.forEach(({ match }, j) => {
      if (match !== undefined) checkMatch(match, `listeners[${i}].routes[${j}].match`, diagnostics);
    });
  });
};

/** Routes are tried in order, so nothing gets past one that takes everything. */
const routesAreReachable: Rule = (config, diagnostics) => {
  config.listeners?.forEach((listener, i) => {
    const routes = listener.routes ?? [];
    const all = routes.findIndex((route) => route.name !== undefined && takesAll(route.match));
    if (all < 0 || all === routes.length - 1) return;
    const path = `listeners[${i}].routes[${all + 1}]`;
    diagnostics.warning(
      path,
      `no call gets here: ${shown(routes[all].name)} before it takes every call; move that one last`,
    );
  });
};

export const listenerRules = {
  protocolMatchesKeys,
  udpIsWhole,
  reportersAreInbound,
  tlsIsWhole,
  matchesAreSound,
  routesAreReachable,
} satisfies Record<string, Rule>;
