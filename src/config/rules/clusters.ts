import { isIP } from 'node:net';
import { checkBalancer } from '../../balancing/section.ts';
import { checkAdaptiveConcurrency } from '../../concurrency/section.ts';
import { formatAddress } from '../../core/address.ts';
import { formatDuration } from '../../core/units.ts';
import { discoverySources } from '../../discovery/list.ts';
import { probeKinds } from '../../health/probe-kinds.ts';
import type { Diagnostics } from '../../schema/diagnostics.ts';
import { checkKinds, type KindContext } from '../../schema/kind.ts';
import { listed, shown } from '../../schema/problem.ts';
import { pemFilesMatch } from './files.ts';
import type { Rule, RuleHelp } from './rule.ts';

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

/** Where a kind of a cluster reports, and what it may read. */
function kindContext(
  path: string,
  protocol: string | undefined,
  diagnostics: Diagnostics,
  help: RuleHelp,
): KindContext {
  return {
    protocol,
    readFile: (file) => help.readFile(file),
    problem: (within, message) => diagnostics.problem(`${path}${within}`, message),
    warning: (within, message) => diagnostics.warning(`${path}${within}`, message),
  };
}

/** One way to find the endpoints, and all that it requires. */
const discoveryIsWhole: Rule = (config, diagnostics, help) => {
  config.clusters?.forEach(({ discovery, protocol }, i) => {
    if (discovery === undefined) return;
    const path = `clusters[${i}].discovery`;
    const { named } = checkKinds(discoverySources, discovery, kindContext(path, protocol, diagnostics, help));
    if (named > 0) return;
    const ways = discoverySources.map(({ name, schema }) => `${name}: ${schema.example}`);
    diagnostics.problem(path, `names no source of endpoints; write ${listed(ways)}`);
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
const probeMatchesProtocol: Rule = (config, diagnostics, help) => {
  config.clusters?.forEach(({ health, protocol }, i) => {
    if (health === undefined || typeof health === 'string') return;
    const path = `clusters[${i}].health`;
    const { named } = checkKinds(probeKinds, health, kindContext(path, protocol, diagnostics, help));
    const isWritten = diagnostics.lineOf(path) !== diagnostics.lineOf(`clusters[${i}]`);
    if (named === 0 && protocol === 'udp' && isWritten)
      diagnostics.problem(
        path,
        'names no probe, and Outrigger has none for udp; write tcp: {} if the endpoints also take TCP connections, or none',
      );
  });
};

/** Datagrams go to IP addresses: a name would have to be looked up while datagrams wait. */
const udpEndpointsAreAddresses: Rule = (config, diagnostics) => {
  config.clusters?.forEach(({ protocol, endpoints }, i) => {
    if (protocol !== 'udp') return;
    endpoints?.forEach(({ address }, j) => {
      if (address === undefined || (address.kind === 'tcp' && isUdpHost(address.host))) return;
      const path = `clusters[${i}].endpoints[${j}].address`;
      const text = shown(formatAddress(address));
      if (address.kind === 'unix')
        diagnostics.problem(path, `${text} is a socket file, and this cluster is udp; write host:port`);
      else
        diagnostics.problem(
          path,
          `${text} has no IP address, and this cluster is udp; write one, or discovery: { dns: { host: ${address.host}, port: ${address.port} } }`,
        );
    });
  });
};

function isUdpHost(host: string): boolean {
  return host === 'localhost' || isIP(host) !== 0;
}

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
    if (protocol === 'tcp' || protocol === 'udp')
      diagnostics.problem(
        path,
        `is for http2 and http1, since ${protocol} passes ${protocol === 'tcp' ? 'bytes' : 'datagrams'} on as they are; leave it out`,
      );
    if (tls.cert !== undefined && tls.key === undefined)
      diagnostics.problem(`${path}.key`, 'is missing; write the private key of cert');
    if (tls.key !== undefined && tls.cert === undefined)
      diagnostics.problem(`${path}.cert`, 'is missing; write the certificate of key');
    const authorities = { named: 'ca', file: tls.ca } as const;
    pemFilesMatch({ cert: tls.cert, key: tls.key, authorities }, path, diagnostics, help);
  });
};

const balancerMakesSense: Rule = (config, diagnostics) => {
  config.clusters?.forEach(({ balancer, protocol }, i) => {
    if (balancer === undefined) return;
    const problem = (within: string, message: string): void =>
      diagnostics.problem(`clusters[${i}].balancer${within}`, message);
    checkBalancer(balancer, { protocol, problem });
  });
};

/** A limit that follows latency has bounds that agree, and replies to measure. */
const adaptiveConcurrencyMakesSense: Rule = (config, diagnostics) => {
  config.clusters?.forEach(({ adaptiveConcurrency, protocol }, i) => {
    if (adaptiveConcurrency === undefined) return;
    checkAdaptiveConcurrency(adaptiveConcurrency, protocol, (within, message) =>
      diagnostics.problem(`clusters[${i}].adaptiveConcurrency${within}`, message),
    );
  });
};

/** Streams of load reports are gRPC calls, whose reports are believed. */
const loadReportsMakeSense: Rule = (config, diagnostics) => {
  config.clusters?.forEach(({ loadReports, protocol }, i) => {
    if (loadReports?.outOfBand === undefined) return;
    const path = `clusters[${i}].loadReports.outOfBand`;
    if (protocol !== undefined && protocol !== 'http2')
      diagnostics.problem(
        path,
        `is for http2, since ${protocol} endpoints have no gRPC service that reports load; leave it out`,
      );
    if (loadReports.accept === false)
      diagnostics.problem(path, 'requests load reports that accept: false ignores; leave one of them out');
  });
};

/** What leaves the own zone by load reports has reports to go by. */
const zoneSpillHasReports: Rule = (config, diagnostics) => {
  config.clusters?.forEach(({ balancer, loadReports }, i) => {
    if (balancer?.zoneSpill !== true) return;
    const path = `clusters[${i}].balancer.zoneSpill`;
    if (loadReports?.accept === false)
      diagnostics.problem(
        path,
        'requires load reports, and loadReports.accept is false; leave one of them out',
      );
    if (balancer.preferZone === false)
      diagnostics.problem(path, 'is for preferZone: true, and preferZone is false; leave one of them out');
  });
};

export const clusterRules = {
  adaptiveConcurrencyMakesSense,
  balancerMakesSense,
  endpointsOrDiscovery,
  discoveryIsWhole,
  endpointsDiffer,
  udpEndpointsAreAddresses,
  probeMatchesProtocol,
  noTrafficIsSlower,
  ejectionTimesAgree,
  upstreamTlsIsWhole,
  loadReportsMakeSense,
  zoneSpillHasReports,
} satisfies Record<string, Rule>;
