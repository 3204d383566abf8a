import { listed, shown } from '../../schema/problem.ts';
import { pemFilesFit } from './files.ts';
import type { Complaints, DraftListener, DraftRoute, Rule, RuleHelp } from './rule.ts';

/** `auto` listeners have routes, `tcp` ones a cluster. */
const protocolFitsKeys: Rule = (config, complaints) => {
  config.listeners?.forEach((listener, i) => {
    const path = `listeners[${i}]`;
    const routes = listener.routes?.length ?? 0;
    if (listener.protocol === 'tcp') tcpKeys(listener, path, routes, complaints);
    else if (listener.protocol === 'auto') {
      if (listener.cluster !== undefined)
        complaints.problem(
          `${path}.cluster`,
          `a listener names a cluster only with protocol: tcp; write routes: [{ name: all, cluster: ${listener.cluster} }]`,
        );
      else if (routes === 0 && complaints.lineOf(`${path}.routes`) === complaints.lineOf(path))
        complaints.problem(
          `${path}.routes`,
          'is missing; write at least one route, such as { name: all, cluster: … }',
        );
      else if (routes === 0) complaints.problem(`${path}.routes`, 'is empty; write at least one route');
    }
  });
};

function tcpKeys(listener: DraftListener, path: string, routes: number, complaints: Complaints): void {
  if (routes > 0)
    complaints.problem(
      `${path}.routes`,
      'is for protocol: auto, since a tcp listener reads no HTTP; write cluster instead',
    );
  else if (listener.cluster === undefined)
    complaints.problem(
      `${path}.cluster`,
      'is missing; write the name of the cluster that gets the connections',
    );
  if (listener.tls !== undefined)
    complaints.problem(
      `${path}.tls`,
      'is for protocol: auto, since a tcp listener passes TLS on as it is; leave it out',
    );
}

/** TLS that can be set up: mutual TLS has authorities to check against, files can be read. */
const tlsIsWhole: Rule = (config, complaints, help) => {
  config.listeners?.forEach(({ tls }, i) => {
    if (tls === undefined) return;
    const path = `listeners[${i}].tls`;
    if (tls.requireClientCert === true && tls.clientCa === undefined)
      complaints.problem(
        `${path}.requireClientCert`,
        'true needs authorities to check against; write clientCa too',
      );
    const authorities = { named: 'clientCa', file: tls.clientCa } as const;
    pemFilesFit({ cert: tls.cert, key: tls.key, authorities }, path, complaints, help);
  });
};

/** Conditions that make sense together, and regular expressions that cannot be made to run for ever. */
const matchesAreSound: Rule = (config, complaints, help) => {
  config.listeners?.forEach((listener, i) => {
    listener.routes?.forEach((route, j) => {
      const path = `listeners[${i}].routes[${j}].match`;
      pathConditions(route, path, complaints);
      regexIsSafe(route.match?.pathRegex, `${path}.pathRegex`, complaints, help);
      headerConditions(route, path, complaints, help);
    });
  });
};

function pathConditions({ match }: DraftRoute, path: string, complaints: Complaints): void {
  if (match === undefined) return;
  const namesGrpc = match.grpc?.service !== undefined || match.grpc?.method !== undefined;
  const written = [
    match.path !== undefined && 'path',
    match.pathPrefix !== undefined && 'pathPrefix',
    match.pathRegex !== undefined && 'pathRegex',
    namesGrpc && 'grpc',
  ].filter((key) => key !== false);
  if (written.length > 1)
    complaints.problem(
      `${path}.${written[1]}`,
      `${listed(written, 'and')} each match the path; write one of them`,
    );
}

function headerConditions({ match }: DraftRoute, path: string, complaints: Complaints, help: RuleHelp): void {
  match?.headers?.forEach((header, k) => {
    const at = `${path}.headers[${k}]`;
    regexIsSafe(header.regex, `${at}.regex`, complaints, help);
    const { exact, prefix, regex, present } = header;
    const written = Object.entries({ exact, prefix, regex, present }).filter(
      ([, value]) => value !== undefined,
    );
    if (written.length > 1) {
      const keys = written.map(([key]) => key);
      complaints.problem(
        `${at}.${keys[1]}`,
        `${listed(keys, 'and')} each match the value; write one of them`,
      );
    }
  });
}

function regexIsSafe(
  pattern: string | undefined,
  path: string,
  complaints: Complaints,
  help: RuleHelp,
): void {
  const wrong = pattern === undefined ? undefined : help.checkRegex(pattern);
  if (wrong !== undefined) complaints.problem(path, `${shown(pattern)} cannot be used: ${wrong}`);
}

/** Routes are tried in order, so nothing gets past one that takes everything. */
const routesAreReachable: Rule = (config, complaints) => {
  config.listeners?.forEach((listener, i) => {
    const routes = listener.routes ?? [];
    const all = routes.findIndex((route) => route.name !== undefined && takesAll(route));
    if (all < 0 || all === routes.length - 1) return;
    const path = `listeners[${i}].routes[${all + 1}]`;
    complaints.warning(
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
  protocolFitsKeys,
  tlsIsWhole,
  matchesAreSound,
  routesAreReachable,
} satisfies Record<string, Rule>;
