import { expect } from 'chai';
import { connectionErrorText } from '../../../src/core/connection-error.ts';

const error = (message: string, code?: string, more: object = {}): Error =>
  Object.assign(new Error(message), code === undefined ? {} : { code }, more);
const openssl = (reason: string): string =>
  `80E1B8E5A07F0000:error:0A000086:SSL routines:tls_post_process_server_certificate:${reason}:../deps/openssl/openssl/ssl/statem/statem_clnt.c:1889:\n`;

describe('core/connection-error', () => {
  it('says in plain words what the system says, with its code', () => {
    expect(connectionErrorText(error('connect ECONNREFUSED 127.0.0.1:1', 'ECONNREFUSED'), 'server')).to.equal(
      'connection refused (ECONNREFUSED)',
    );
    expect(connectionErrorText('read ECONNRESET', 'peer')).to.equal('connection reset (ECONNRESET)');
    expect(connectionErrorText(error('getaddrinfo ENOTFOUND a', 'ENOTFOUND'), 'server')).to.equal(
      'no such host (ENOTFOUND)',
    );
    expect(connectionErrorText(error('something else'), 'server')).to.equal('something else');
    expect(connectionErrorText(undefined, 'server')).to.equal('unknown');
  });

  it('says who failed in a TLS handshake, why, and what to do', () => {
    const words: readonly [string, 'client' | 'server', RegExp][] = [
      ['wrong version number', 'server', /^the server does not use TLS on this connection/],
      ['http request', 'client', /^the client sent HTTP without TLS .* use https/],
      [
        'peer did not return a certificate',
        'client',
        /^the client sent no certificate, and the listener requires one/,
      ],
      [
        'tlsv13 alert certificate required',
        'server',
        /^the server requires a client certificate; write tls.cert and tls.key in the cluster$/,
      ],
      ['sslv3 alert bad certificate', 'server', /^the server refused our certificate; check tls.cert/],
      ['tlsv1 alert unknown ca', 'client', /^the client does not trust the authority of our certificate/],
      ['tlsv1 alert protocol version', 'server', /^the server has no TLS version in common with us/],
      ['tlsv1 unrecognized name', 'server', /no certificate for the name .* write tls.serverName/],
      ['certificate verify failed', 'server', /write the authority of the server certificate in tls.ca/],
      // As OpenSSL 3.5 names what it named after SSL 3.0 before.
      ['ssl/tls alert bad certificate', 'server', /^the server refused our certificate; check tls.cert/],
      ['ssl/tls alert certificate expired', 'server', /^the server says that our certificate has expired;/],
      [
        'ssl/tls alert handshake failure',
        'server',
        /^the server refused the TLS handshake; it may require a client certificate/,
      ],
      ['ssl/tls alert illegal parameter', 'server', /^TLS failed: the server reported illegal parameter$/],
      ['tlsv1 alert no application protocol', 'server', /\(ALPN\); check protocol in the cluster/],
      ['no application protocol', 'client', /application protocols \(ALPN\)$/],
      ['sslv3 alert illegal parameter', 'server', /^TLS failed: the server reported illegal parameter$/],
      ['dtls bad cookie', 'client', /^TLS failed: dtls bad cookie$/],
    ];
    for (const [reason, role, pattern] of words) {
      const plain = connectionErrorText(error(openssl(reason), 'EPROTO'), role);
      expect(plain, reason).to.match(pattern);
      const code = `ERR_SSL_${reason.toUpperCase().replaceAll(' ', '_')}`;
      expect(connectionErrorText(error('x', code), role), code).to.equal(plain);
    }
  });

  it('says why a certificate is not accepted', () => {
    const text = (code: string, more = {}): string =>
      connectionErrorText(error(code.toLowerCase(), code, more), 'server');
    expect(text('SELF_SIGNED_CERT_IN_CHAIN')).to.include('an authority that is not trusted');
    expect(text('CERT_HAS_EXPIRED')).to.equal('the certificate of the server has expired; renew it');
    expect(connectionErrorText('DEPTH_ZERO_SELF_SIGNED_CERT', 'client')).to.match(
      /^the certificate of the client is self-signed and not trusted/,
    );
    const cert = { subjectaltname: `DNS:localhost, ${'DNS:a.example, '.repeat(100)}` };
    const wrongName = text('ERR_TLS_CERT_ALTNAME_INVALID', { host: 'orders', cert });
    expect(wrongName).to.match(
      /^the certificate of the server is not for "orders", but for its altnames DNS:localhost/,
    );
    expect(wrongName.length).to.be.below(400);
  });

  it('never shows the text of OpenSSL', () => {
    for (const reason of ['x', 'a b c', 'certificate verify failed', ''])
      for (const role of ['client', 'server', 'peer'] as const)
        expect(connectionErrorText(error(openssl(reason)), role)).to.not.match(
          /SSL routines|deps\/openssl|error:0/,
        );
  });
});
