import { expect } from 'chai';
import { certificateFacts, certificatesOfFileMax } from '../../../src/core/certificate-facts.ts';
import { expired, newAuthority } from '../../support/certificates.ts';

describe('core/certificate-facts', () => {
  const authority = newAuthority('Test CA');

  it('reads subject, issuer, names and the time of validity', () => {
    const { cert } = authority.issue(['orders.example', '10.0.0.1'], expired);
    expect(certificateFacts(cert)).to.deep.equal([
      {
        subject: 'orders.example',
        issuer: 'Test CA',
        names: 'DNS:orders.example, IP Address:10.0.0.1',
        notBeforeWallMs: Date.UTC(2020, 0, 1),
        notAfterWallMs: Date.UTC(2021, 0, 1),
      },
    ]);
    expect(certificateFacts(authority.issue([]).cert)[0]).to.include({ subject: 'nobody', names: '' });
  });

  it('reads the first certificates of a bundle, and leaves out what is none', () => {
    const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    const bundle = `# text\n${authority.cert}${broken}${authority.issue(['a']).cert}`;
    expect(certificateFacts(bundle).map(({ subject }) => subject)).to.deep.equal(['Test CA', 'a']);
    expect(certificateFacts(authority.cert.repeat(40))).to.have.length(certificatesOfFileMax);
    expect(certificateFacts(authority.key)).to.deep.equal([]);
  });
});
