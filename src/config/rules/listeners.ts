import { checkMatch, takesAll } from '../../routing/match-check.ts';
import type { Diagnostics } from '../../schema/diagnostics.ts';
import { shown } from '../../schema/problem.ts';
import { pemFilesMatch } from './files.ts';
import type { DraftListener, Rule } from './rule.ts';

/** `auto` listeners have routes, `tcp` ones a cluster. */
const protocolMatchesKeys: Rule = (config, diagnostics) => {
  config.listeners?.forEach((listener, i) => {
    const path = `listeners[${i}]`;
    const routes = listener.routes?.length ?? 0;
    if (listener.protocol === 'tcp') tcpKeys(listener, path, routes, diagnostics);
    else if (listener.protocol === 'auto') {
      if (listener.cluster !== undefined)
        diagnostics.problem(
          `${path}.cluster`,
          `a listener names a cluster only with protocol: tcp; write routes: [{ name: all, cluster: ${listener.cluster} }]`,
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

function tcpKeys(listener: DraftListener, path: string, routes: number, diagnostics: Diagnostics): void {
  if (routes > 0)
    diagnostics.problem(
      `${path}.routes`,
      'is for protocol: auto, since a tcp listener reads no HTTP; write cluster instead',
    );
  else if (listener.cluster === undefined)
    diagnostics.problem(
      `${path}.cluster`,
      'is missing; write the name of the cluster that gets the connections',
    );
  if (listener.tls !== undefined)
    diagnostics.problem(
      `${path}.tls`,
      'is for protocol: auto, since a tcp listener passes TLS on as it is; leave it out',
    );
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
  tlsIsWhole,
  matchesAreSound,
  routesAreReachable,
} satisfies Record<string, Rule>;
