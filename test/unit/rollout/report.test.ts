import { expect } from 'chai';
import { cutByKill, judge } from '../../rollout/report.ts';
import type { FailedCall } from '../../rollout/sidecar.ts';

describe('rollout report', () => {
  const wallMs = Date.parse('2026-01-01T00:00:10.000Z');
  const kills = [{ address: 'a:1', wallMs }];
  const record: FailedCall = {
    time: '2026-01-01T00:00:09.700Z',
    endpoint: 'a:1',
    status: 'UNAVAILABLE',
    endedBy: 'outrigger',
    error: 'upstream_closed',
    attempts: 1,
    durationMs: 310,
    requestBytes: 12,
  };
  const load = { calls: 9, streams: 1, late: 0, perSecond: 10, byClient: '' };
  const failure = { kind: 'stream', what: '14 x', startedWallMs: 0, endedWallMs: 0 } as const;

  it('forgives a call only that had been begun at the replica which was killed, and ended with it', () => {
    expect(cutByKill(record, kills)).to.equal(true);
    for (const other of [
      { endpoint: 'b:1' },
      { error: 'no_healthy_endpoint' },
      { error: 'connect_failed' },
      { error: undefined },
      { requestBytes: 0 },
      { time: '2026-01-01T00:00:02.000Z' },
      { time: '2026-01-01T00:00:14.000Z' },
    ])
      expect(cutByKill({ ...record, ...other }, kills), JSON.stringify(other)).to.equal(false);
    expect(cutByKill(record, [])).to.equal(false);
  });

  it('counts what clients saw: a failure without a record is lost, and one of another kind as well', () => {
    const judged = (failures: number, records: FailedCall[]) =>
      judge('x', { ...load, failures: new Array(failures).fill(failure) }, records, kills);
    expect(judged(1, [record])).to.include({ failed: 1, unsaveable: 1 });
    expect(judged(2, [record])).to.include({ failed: 2, unsaveable: 1 });
    expect(judged(1, [{ ...record, endpoint: 'b:1' }])).to.include({ failed: 1, unsaveable: 0 });
  });
});
