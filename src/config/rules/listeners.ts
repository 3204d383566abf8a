import type { Diagnostics } from '../../schema/diagnostics.ts';
import { listed, shown } from '../../schema/problem.ts';
import { pemFilesMatch } from './files.ts';
import type { DraftListener, DraftRoute, Rule, RuleHelp } from './rule.ts';

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

/** Conditions that make sense together, and regular expressions that cannot be made to run for ever. */
const matchesAreSound: Rule = (config, diagnostics, help) => {
  config.listeners?.forEach((listener, i) => {
    listener.routes?.forEach((route, j) => {
      const path = `listeners[${i}].routes[${j}].match`;
      pathConditions(route, path, diagnostics);
      regexIsSafe(route.match?.pathRegex, `${path}.pathRegex`, diagnostics, help);
      headerConditions(route, path, diagnostics, help);
    });
  });
};

function pathConditions({ match }: DraftRoute, path: string, diagnostics: Diagnostics): void {
  if (match === undefined) return;
  const namesGrpc = match.grpc?.service !== undefined || match.grpc?.method !== undefined;
  const written = [
    match.path !== undefined && 'path',
    match.pathPrefix !== undefined && 'pathPrefix',
    match.pathRegex !== undefined && 'pathRegex',
    namesGrpc && 'grpc',
  ].filter((key) => key !== false);
  if (written.length > 1)
    diagnostics.problem(
      `${path}.${written[1]}`,
      `${listed(written, 'and')} each match the path; write one of them`,
    );
}

function headerConditions(
  { match }: DraftRoute,
  path: string,
  diagnostics: Diagnostics,
  help: RuleHelp,
): void {
  match?.headers?.forEach((header, k) => {
    const at = `${path}.headers[${k}]`;
    regexIsSafe(header.regex, `${at}.regex`, diagnostics, help);
    const { exact, prefix, regex, present } = header;
    const written = Object.entries({ exact, prefix, regex, present }).filter(
      ([, value]) => value !== undefined,
    );
    if (written.length > 1) {
      const keys = written.map(([key]) => key);
      diagnostics.problem(
        `${at}.${keys[1]}`,
        `${listed(keys, 'and')} each match the value; write one of them`,
      );
    }
  });
}

function regexIsSafe(
  pattern: string | undefined,
  path: string,
  diagnostics: Diagnostics,
  help: RuleHelp,
): void {
  const wrong = pattern === undefined ? undefined : help.checkRegex(pattern);
  if (wrong !== undefined) diagnostics.problem(path, `${shown(pattern)} cannot be used: ${wrong}`);
}

/** Routes are tried in order, so nothing gets past one that takes everything. */
const routesAreReachable: Rule = (config, diagnostics) => {
  config.listeners?.forEach((listener, i) => {
    const routes = listener.routes ?? [];
    const all = routes.findIndex((route) => route.name !== undefined && takesAll(route));
    if (all < 0 || all === routes.length - 1) return;
    const path = `listeners[${i}].routes[${all + 1}]`;
    diagnostics.warning(
      path,
      `no call gets here: ${shown(routes[all].name)} before it takes every call; move that one last`,
    );
  });
};

function takesAll({ match }: DraftRoute): boolean {
  if (match === undefined) return false;
  const { authority, headers = [], ...others } = match;
  const open = authority === undefined || authority === '*';
  return open && headers.length === 0 && Object.values(others).every((value) => value === undefined);
}

export const listenerRules = {
  protocolMatchesKeys,
  tlsIsWhole,
  matchesAreSound,
  routesAreReachable,
} satisfies Record<string, Rule>;
