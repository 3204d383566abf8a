import { expect } from 'chai';
import { TlsFailureCounts, tlsFailureReason } from '../../../src/listeners/tls-failures.ts';

describe('listeners/tls-failures', () => {
  const rows = [
    ['ERR_TLS_HANDSHAKE_TIMEOUT', 'timeout'],
    ['ECONNRESET', 'closed'],
    ['ERR_SSL_HTTP_REQUEST', 'not_tls'],
    ['ERR_SSL_UNSUPPORTED_PROTOCOL', 'incompatible'],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'rejected_by_client'],
    ['ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE', 'client_certificate'],
    ['ERR_SSL_SOMETHING_NEW', 'other'],
  ] as const;
  for (const [code, reason] of rows)
    it(`${code} is ${reason}`, () => {
      expect(tlsFailureReason(Object.assign(new Error('x'), { code }))).to.equal(reason);
    });

  it('an error without a code is of the other reasons', () => {
    expect([tlsFailureReason(new Error('x')), tlsFailureReason(null)]).to.deep.equal(['other', 'other']);
  });

  it('counts by listener and reason', () => {
    const counts = new TlsFailureCounts();
    for (const listener of ['a', 'a', 'b']) counts.add(listener, 'timeout');
    counts.add('a', 'closed');
    const seen: unknown[] = [];
    counts.each((...row) => seen.push(row));
    expect(seen).to.deep.equal([
      ['a', 'timeout', 2],
      ['a', 'closed', 1],
      ['b', 'timeout', 1],
    ]);
  });
});
