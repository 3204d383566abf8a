import { expect } from 'chai';
import { certificatesInUse } from '../../../src/runtime/certificates.ts';
import type { AppState } from '../../../src/runtime/parts.ts';
import { newAuthority } from '../../support/certificates.ts';

describe('runtime/certificates', () => {
  const authority = newAuthority('Test CA');
  const pem = (name: string): Buffer => Buffer.from(authority.issue([name]).cert);

  it('lists what listeners, clusters and the admin server have read', () => {
    const ca = Buffer.from(authority.cert);
    const listener = (name: string, tls: object | null) => ({ listener: { settings: { name, tls } } });
    const state = {
      running: {
        listeners: [listener('in', { cert: pem('in.example'), ca }), listener('plain', null)],
        clusters: new Map([
          ['orders', { tls: { cert: pem('client.example'), ca } }],
          ['system', { tls: {} }],
          ['plain', { tls: null }],
        ]),
      },
      adminTls: { cert: pem('admin.example') },
    } as unknown as AppState;
    expect(certificatesInUse(state).map((one) => [one.usedBy, one.role, one.subject])).to.deep.equal([
      ['listener in', 'server certificate', 'in.example'],
      ['listener in', 'authority', 'Test CA'],
      ['cluster orders', 'client certificate', 'client.example'],
      ['cluster orders', 'authority', 'Test CA'],
      ['admin', 'server certificate', 'admin.example'],
    ]);
  });
});
