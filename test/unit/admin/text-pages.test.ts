import { expect } from 'chai';
import type { ClusterSnapshot, EndpointSnapshot, RouteSnapshot } from '../../../src/admin/deps.ts';
import { loadReportText, reportStreamText } from '../../../src/admin/load-report-text.ts';
import { clustersText, routesText } from '../../../src/admin/text-pages.ts';

function whyOf(status: 'unhealthy' | 'healthy', reason: string, unusableReason: string): string {
  const endpoint: Partial<EndpointSnapshot> = {
    address: 'a:1',
    zone: '',
    priority: 0,
    weight: 1,
    effectiveWeight: 1,
    usable: false,
    unusableReason,
    draining: false,
    ejectedForMs: null,
    health: { status, reason, sinceMs: 3000 } as EndpointSnapshot['health'],
  };
  const cluster = { name: 'c', endpoints: [endpoint] } as unknown as ClusterSnapshot;
  const row = clustersText([cluster]).trimEnd().split('\n').at(-1) ?? '';
  return row.slice(row.indexOf(reason));
}

describe('admin/text-pages', () => {
  it('a cluster with adaptiveConcurrency has its limit, and a cluster without one has nothing of it', () => {
    const cluster = { name: 'c', protocol: 'http2', policy: 'random', discovery: 'static', endpoints: [] };
    const head = (concurrency?: ClusterSnapshot['concurrency']) =>
      clustersText([{ ...cluster, concurrency } as unknown as ClusterSnapshot]).split('\n')[0];
    const without = 'c: http2, random, static; 0 of 0 endpoints usable';
    expect(head({ limit: 57, inFlight: 12, refused: 3 })).to.equal(
      `${without}; concurrency limit 57, 12 in use`,
    );
    expect(head(null)).to.equal(without);
    // `outrigger endpoints` may read the answer of an older sidecar.
    expect(head(undefined)).to.equal(without);
  });

  it('a cluster with subsetting has the size of its subset, and a cluster without it has nothing of it', () => {
    const cluster = { name: 'c', protocol: 'http2', policy: 'random', discovery: 'static', endpoints: [] };
    const head = (subsetting?: ClusterSnapshot['subsetting']) =>
      clustersText([{ ...cluster, subsetting } as unknown as ClusterSnapshot]).split('\n')[0];
    const without = 'c: http2, random, static; 0 of 0 endpoints usable';
    expect(head({ size: 20, discovered: 300 })).to.equal(`${without}; subset of 0 of 300 endpoints`);
    expect(head(null)).to.equal(without);
    expect(head(undefined), 'an older sidecar').to.equal(without);
  });

  it('what an endpoint reported of its load, without what it did not report', () => {
    const report = { ageMs: 40, count: 9, inFlight: 12, limit: 40, latencyMs: 7.4, utilization: 0.301 };
    const rates = { requestsPerSecond: 900, errorsPerSecond: 0, weight: null };
    expect(loadReportText({ ...report, ...rates })).to.equal(
      'reported 40.0 ms ago: 12 of 40 in flight, 7.40 ms, utilization 0.3, 900 requests/s',
    );
    const none = { inFlight: 3, limit: null, latencyMs: null, utilization: null, requestsPerSecond: null };
    expect(loadReportText({ ...report, ...none, errorsPerSecond: 2, weight: 400 })).to.equal(
      'reported 40.0 ms ago: 3 in flight, 2.0 errors/s, weight 400',
    );
  });

  it('a cluster that spills out of the own zone says how much stays, and why', () => {
    const cluster = { name: 'c', protocol: 'http2', policy: 'random', discovery: 'static', endpoints: [] };
    const head = (zoneSpill?: ClusterSnapshot['zoneSpill']) =>
      clustersText([{ ...cluster, zoneSpill } as unknown as ClusterSnapshot]).split('\n')[0];
    const without = 'c: http2, random, static; 0 of 0 endpoints usable';
    expect(head({ kept: 0.72, reason: 'busy' })).to.equal(
      `${without}; 72.0% of the requests stay in the own zone: busy`,
    );
    for (const none of [{ kept: 1, reason: '' }, null, undefined]) expect(head(none)).to.equal(without);
  });

  it('why an endpoint does not stream its load', () => {
    expect(reportStreamText({ state: 'open', reason: '' })).to.equal('');
    expect(reportStreamText({ state: 'connecting', reason: '' })).to.equal('');
    expect(reportStreamText({ state: 'refused', reason: 'UNIMPLEMENTED' })).to.equal(
      'does not stream load reports (UNIMPLEMENTED)',
    );
    expect(reportStreamText({ state: 'idle', reason: 'UNAVAILABLE: busy' })).to.equal(
      'no stream of load reports: UNAVAILABLE: busy',
    );
  });

  it('a route has a line with its cluster or what stands for it, and the facts of each policy', () => {
    const route: RouteSnapshot = {
      listener: 'in',
      route: 'a',
      cluster: 'greeter',
      replacedBy: '',
      match: '',
      policies: [],
      facts: [],
    };
    const facts = [
      { policy: 'split', name: 'stable', text: '95%' },
      { policy: 'split', name: 'canary', text: '5%' },
      { policy: 'mine', name: 'keys', text: '3\u001b[2J' },
    ];
    const text = routesText([
      route,
      { ...route, route: 'b', cluster: '', replacedBy: 'split', facts },
      { ...route, listener: 'db', route: '', cluster: 'postgres' },
    ]);
    expect(text.split('\n').map((line) => line.split(/ {2,}/))).to.deep.equal([
      ['LISTENER', 'ROUTE', 'CLUSTER', 'POLICY FACTS'],
      ['in', 'a', 'greeter'],
      ['in', 'b', '(split)', 'split: stable 95%; canary 5%; mine: keys 3?[2J'],
      ['db', '-', 'postgres'],
      [''],
    ]);
    expect(routesText([])).to.equal('No routes are configured.\n');
  });

  it('an unhealthy endpoint has the reason of its health once', () => {
    expect(whyOf('unhealthy', 'connection refused', 'unhealthy: connection refused')).to.equal(
      'connection refused for 3 s; not used',
    );
  });

  it('another reason not to use an endpoint stands behind its health', () => {
    expect(whyOf('healthy', 'SERVING', 'at its limit of requests')).to.equal(
      'SERVING for 3 s; not used: at its limit of requests',
    );
  });
});
