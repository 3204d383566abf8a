import { expect } from 'chai';
import { type Ends, judgeFailures } from '../../soak/verdict.ts';

const at = '127.0.0.1:20007';
const kept = `endpoint ${at} failed: ${at} closed a connection that it had kept, without a reply; the upstream may …`;
const end = { replica: 'replica-3', fromMs: 1000, toMs: 2000 };
const failure = {
  kind: 'HTTP/1.1 POST',
  traceId: 'ab',
  wrong: 'HTTP 502',
  replica: '',
  fromMs: 1400,
  toMs: 1500,
};
const line = { traceId: 'ab', endpoint: at, error: 'upstream_closed', detail: kept, attempts: 1 };

function verdict(
  changes: { failure?: object; line?: object },
  ends: Partial<Ends> = { gracefulStops: [end] },
): string {
  const replicas: Ends = {
    kills: [],
    gracefulStops: [],
    nameAt: (address) => (address === at ? 'replica-3' : ''),
    ...ends,
  };
  const log = `${JSON.stringify({ ...line, ...changes.line })}\n`;
  return judgeFailures([{ ...failure, ...changes.failure }], log, replicas)[0].because;
}

describe('verdict of the soak', () => {
  it('nobody could have saved a POST on a kept connection that its replica closed as it stopped', () => {
    expect(verdict({})).to.equal('a POST on a connection that replica-3 closed as it stopped');
  });

  it('somebody could have saved it where it was no POST, the connection was new, or the replica did not stop then', () => {
    expect(verdict({ failure: { kind: 'HTTP/1.1 GET' } })).to.equal('');
    expect(verdict({ line: { detail: `${at} closed without a reply` } })).to.equal('');
    expect(verdict({ line: { error: 'connect_failed' } })).to.equal('');
    expect(verdict({}, { gracefulStops: [{ ...end, replica: 'replica-1' }] })).to.equal('');
    expect(verdict({}, { gracefulStops: [{ ...end, fromMs: 5000, toMs: 6000 }] })).to.equal('');
    expect(verdict({}, {})).to.equal('');
  });

  it('nobody could have saved what a replica had begun when it was killed', () => {
    const kinds = ['unary', 'HTTP/1.1 POST'];
    for (const kind of kinds)
      expect(verdict({ failure: { kind } }, { kills: [end] })).to.equal(
        'begun on replica-3, which was killed',
      );
  });
});
