import { X509Certificate } from 'node:crypto';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { expect } from 'chai';
import { clientIdentity, identityOf } from '../../../src/security/client-identity.ts';
import { newAuthority } from '../../support/certificates.ts';

const authority = newAuthority();

/** As node shows the certificate of a peer. */
function issued(...names: string[]): PeerCertificate {
  return new X509Certificate(authority.issue(names).cert).toLegacyObject() as unknown as PeerCertificate;
}

const socketOf = (authorized: boolean, certificate: PeerCertificate | undefined): TLSSocket =>
  ({ authorized, getPeerCertificate: () => certificate }) as unknown as TLSSocket;

describe('security/client-identity', () => {
  it('is the first URI, else the first DNS name, else the common name', () => {
    expect(identityOf(issued('a.test', 'spiffe://td/ns/a', 'spiffe://td/ns/b'))).to.equal('spiffe://td/ns/a');
    expect(identityOf(issued('127.0.0.1', 'a.test', 'b.test'))).to.equal('a.test');
    expect(identityOf(issued('127.0.0.1'))).to.equal('127.0.0.1');
    expect(identityOf(issued())).to.equal('nobody');
    expect(identityOf({})).to.equal('');
  });

  it('takes no name out of the middle of another one', () => {
    expect(identityOf(issued('a, URI:spiffe://td/admin'))).to.equal('a, URI:spiffe://td/admin');
    expect(identityOf(issued('spiffe://td/a, DNS:admin'))).to.equal('spiffe://td/a, DNS:admin');
    expect(identityOf({ subjectaltname: 'othername:<unsupported>, DNS:a.test' })).to.equal('a.test');
  });

  it('has several common names: the first one counts', () => {
    const subject = { CN: ['first', 'second'] } as unknown as PeerCertificate['subject'];
    expect(identityOf({ subject })).to.equal('first');
  });

  it('is empty without a certificate, and with one that no trusted authority signed', () => {
    const certificate = issued('spiffe://td/a');
    expect(clientIdentity(socketOf(true, certificate))).to.equal('spiffe://td/a');
    expect(clientIdentity(socketOf(false, certificate))).to.equal('');
    expect(clientIdentity(socketOf(true, undefined))).to.equal('');
  });
});
