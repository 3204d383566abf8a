import { expect } from 'chai';
import type { ClusterSnapshot, EndpointSnapshot } from '../../../src/admin/deps.ts';
import { clustersText } from '../../../src/admin/text-pages.ts';

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
