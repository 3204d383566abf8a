import type { Socket } from 'node:net';
import { expect } from 'chai';
import { type AdminSecurity, RenewableSecurity } from '../../../src/admin/renewable-security.ts';

describe('admin/renewable-security', () => {
  const socket = {} as Socket;

  it('says what a renewal replaced, and keeps what it had where nothing can be read', () => {
    const tls = { cert: 'c', key: 'k', ca: Buffer.from('a'), requestCert: true };
    let next: AdminSecurity | null = { token: 'one', tls };
    const security = new RenewableSecurity(() => {
      if (next === null) throw new Error('gone');
      return next;
    });
    next = { token: 'one', tls: { ...tls, ca: Buffer.from('a') } };
    expect(security.renew()).to.deep.equal({ token: false, certificates: false });
    next = { token: 'two', tls };
    expect(security.renew()).to.deep.equal({ token: true, certificates: false });
    next = { token: 'two', tls: { ...tls, key: 'other' } };
    expect(security.renew()).to.deep.equal({ token: false, certificates: true });
    next = null;
    expect(() => security.renew()).to.throw('gone');
    expect(security.credentials).to.include({ token: 'two', clientCertificates: true });
    expect(security.tls?.key).to.equal('other');
  });

  it('a connection counts as verified until the authorities are others', () => {
    let ca = 'a';
    const security = new RenewableSecurity(() => ({ token: null, tls: { ca, requestCert: true } }));
    const isVerified = (): boolean => security.credentials.isVerified(socket);
    expect(isVerified()).to.equal(false);
    security.connected(socket);
    security.renew();
    expect(isVerified()).to.equal(true);
    ca = 'b';
    security.renew();
    expect(isVerified()).to.equal(false);
    security.connected(socket);
    expect(isVerified()).to.equal(true);
  });

  it('without anything configured there is neither token nor certificate', () => {
    const { credentials, tls } = new RenewableSecurity();
    expect([credentials.token, credentials.clientCertificates, tls]).to.deep.equal([null, false, null]);
  });
});
