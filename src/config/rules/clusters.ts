import { formatAddress } from '../../core/address.ts';
import { formatDuration } from '../../core/units.ts';
import { listed, shown } from '../../schema/problem.ts';
import { pemFilesFit } from './files.ts';
import type { Rule } from './rule.ts';

/** Replicas come from one place. */
const endpointsOrDiscovery: Rule = (config, diagnostics) => {
  config.clusters?.forEach((cluster, i) => {
    const path = `clusters[${i}]`;
    const endpoints = cluster.endpoints?.length ?? 0;
    if (endpoints > 0 && cluster.discovery !== undefined)
      diagnostics.problem(
        `${path}.discovery`,
        'a cluster has discovery or endpoints, not both; write one of them',
      );
    if (endpoints === 0 && cluster.discovery === undefined && cluster.name !== undefined)
      diagnostics.problem(
        `${path}.endpoints`,
        'has no endpoint; write endpoints: [{ address: host:port }] or discovery',
      );
  });
};

/** One way to find them, and all that it needs. */
const discoveryIsWhole: Rule = (config, diagnostics, help) => {
  config.clusters?.forEach(({ discovery }, i) => {
    if (discovery === undefined) return;
    const path = `clusters[${i}].discovery`;
    const { dns, file } = discovery;
    if (dns !== undefined && file !== undefined)
      diagnostics.problem(`${path}.file`, 'discovery has file or dns, not both; write one of them');
    if (dns === undefined && file === undefined)
      diagnostics.problem(path, 'says no place; write dns: { host: name, port: 50051 } or file: { path: … }');
    if (dns?.type === 'address' && dns.port === undefined)
      diagnostics.problem(`${path}.dns.port`, 'is missing; write the port of every endpoint, or type: srv');
    if (dns?.type === 'srv' && dns.port !== undefined)
      diagnostics.problem(`${path}.dns.port`, 'comes from the SRV records; leave it out');
    // It may be written by who starts later.
    const wrong = file?.path === undefined ? undefined : help.readFile(file.path).error;
    if (wrong !== undefined) diagnostics.warning(`${path}.file.path`, `${shown(file?.path)} ${wrong}`);
  });
};

/** The address is what an endpoint is known by. */
const endpointsDiffer: Rule = (config, diagnostics) => {
  config.clusters?.forEach((cluster, i) => {
    const first = new Map<string, number>();
    cluster.endpoints?.forEach(({ address }, j) => {
      if (address === undefined) return;
      const text = formatAddress(address);
      const before = first.get(text);
      if (before === undefined) first.set(text, j);
      else {
        const line = diagnostics.lineOf(`clusters[${i}].endpoints[${before}].address`);
        const already = `is in the list already${line > 0 ? `, in line ${line}` : ''}`;
        const at = `clusters[${i}].endpoints[${j}].address`;
        diagnostics.problem(at, `${shown(text)} ${already}; write it once, with a weight for a larger share`);
      }
    });
  });
};

/** One kind of probe, and one that the protocol can answer. */
const probeFitsProtocol: Rule = (config, diagnostics) => {
  config.clusters?.forEach(({ health, protocol }, i) => {
    if (health === undefined || typeof health === 'string') return;
    const path = `clusters[${i}].health`;
    const kinds = (['grpc', 'http', 'tcp'] as const).filter((kind) => health[kind] !== undefined);
    if (kinds.length > 1)
      diagnostics.problem(
        `${path}.${kinds[1]}`,
        `${listed(kinds, 'and')} exclude each other; write one of them`,
      );
    else if (kinds[0] === 'grpc' && protocol === 'http1')
      diagnostics.problem(
        `${path}.grpc`,
        'needs HTTP/2, and this cluster is http1; write http: { path: … } or tcp: {}',
      );
    else if (kinds[0] === 'http' && protocol === 'http2')
      diagnostics.problem(
        `${path}.http`,
        'asks over HTTP/1.1, and this cluster is http2; write grpc: {} or tcp: {}',
      );
  });
};

const noTrafficIsSlower: Rule = (config, diagnostics) => {
  config.clusters?.forEach(({ health }, i) => {
    if (health === undefined || typeof health === 'string') return;
    const { intervalMs, noTrafficIntervalMs } = health;
    if (intervalMs !== undefined && noTrafficIntervalMs !== undefined && noTrafficIntervalMs < intervalMs)
      diagnostics.problem(
        `clusters[${i}].health.noTrafficInterval`,
        `"${formatDuration(noTrafficIntervalMs)}" is shorter than interval; write ${formatDuration(intervalMs)} or more`,
      );
  });
};

const ejectionTimesAgree: Rule = (config, diagnostics) => {
  config.clusters?.forEach(({ outlier }, i) => {
    if (outlier === undefined || typeof outlier === 'string') return;
    const { baseEjectionMs, maxEjectionMs } = outlier;
    if (baseEjectionMs !== undefined && maxEjectionMs !== undefined && baseEjectionMs > maxEjectionMs)
      diagnostics.problem(
        `clusters[${i}].outlier.baseEjection`,
        `"${formatDuration(baseEjectionMs)}" is longer than maxEjection; write ${formatDuration(maxEjectionMs)} or less`,
      );
  });
};

const upstreamTlsIsWhole: Rule = (config, diagnostics, help) => {
  config.clusters?.forEach(({ tls, protocol }, i) => {
    if (tls === undefined) return;
    const path = `clusters[${i}].tls`;
    if (protocol === 'tcp')
      diagnostics.problem(
        path,
        'is for http2 and http1, since tcp passes bytes on as they are; leave it out',
      );
    if (tls.cert !== undefined && tls.key === undefined)
      diagnostics.problem(`${path}.key`, 'is missing; write the private key of cert');
    if (tls.key !== undefined && tls.cert === undefined)
      diagnostics.problem(`${path}.cert`, 'is missing; write the certificate of key');
    const authorities = { named: 'ca', file: tls.ca } as const;
    pemFilesFit({ cert: tls.cert, key: tls.key, authorities }, path, diagnostics, help);
  });
};

export const clusterRules = {
  endpointsOrDiscovery,
  discoveryIsWhole,
  endpointsDiffer,
  probeFitsProtocol,
  noTrafficIsSlower,
  ejectionTimesAgree,
  upstreamTlsIsWhole,
} satisfies Record<string, Rule>;
