import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { expect } from 'chai';
import fc from 'fast-check';
import { denial, isLocalPeer, originOf } from '../../../src/admin/access.ts';

const token = 'f00dfeedf00dfeedf00dfeedf00dfeed';
const request = (headers: Record<string, string>, socket: object = {}): IncomingMessage =>
  ({ headers, socket }) as unknown as IncomingMessage;

describe('admin/access', () => {
  it('a connection of this machine goes from loopback to loopback', () => {
    const local = (remoteAddress: string | undefined, localAddress: string | undefined) =>
      isLocalPeer({ remoteAddress, localAddress });
    for (const [remote, own] of [
      ['127.0.0.1', '127.0.0.1'],
      ['127.0.0.2', '127.0.0.1'],
      ['::1', '::1'],
      ['::ffff:127.0.0.1', '::ffff:127.0.0.1'],
    ])
      expect(local(remote, own), remote).to.equal(true);
    for (const [remote, own] of [
      ['10.0.0.7', '10.0.0.1'],
      ['10.0.0.1', '10.0.0.1'], // by its own address in the network
      ['127.0.0.6', '10.0.0.1'], // what the sidecar of a mesh passes on
      ['::ffff:10.0.0.7', '::ffff:10.0.0.1'],
      ['fe80::1%eth0', 'fe80::2%eth0'],
      [undefined, undefined], // closed
      ['', ''],
    ])
      expect(local(remote, own), String(remote)).to.equal(false);
  });

  it('a socket file is of this machine, unless a proxy forwarded the request', () => {
    const never = () => false;
    expect(originOf(request({}), true, never)).to.equal('local');
    expect(originOf(request({ via: '1.1 a' }), true, never)).to.equal('proxied');
    expect(originOf(request({ via: '1.1 a' }), false, never)).to.equal('remote');
    expect(
      originOf(request({ viable: 'x', 'x-forward': 'x', client: 'x', shipping: 'x' }), false, () => true),
    ).to.equal('local');
  });

  it('nothing but the token itself passes for it', () => {
    const credentials = { token, clientCertificates: false, isVerified: () => false };
    const passes = (authorization: string) =>
      denial(request({ authorization }), 'change', 'remote', credentials) === undefined;
    expect(passes(`Bearer ${token}`)).to.equal(true);
    expect(passes(`BASIC ${Buffer.from(`:${token}`).toString('base64')}`)).to.equal(true);
    expect(passes(`Basic ${Buffer.from(`a:b:${token}`).toString('base64')}`), 'the password is b:…').to.equal(
      false,
    );
    for (const wrong of [
      '',
      'Bearer',
      'Bearer ',
      token,
      `Bearer${token}`,
      `Digest ${token}`,
      'Basic !!!',
      'Basic ',
    ])
      expect(passes(wrong), wrong).to.equal(false);
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(passes(text)).to.equal(false);
        expect(passes(`Bearer ${text}`)).to.equal(text.trim() === token);
      }),
    );
  });

  it('a certificate that was not asked for, or is not of the authority, is none', () => {
    const asked = (socket: object, clientCertificates: boolean) =>
      denial(request({}, socket), 'change', 'remote', {
        token: null,
        clientCertificates,
        isVerified: () => true,
      });
    expect(asked({ authorized: true } as Partial<Socket>, true)).to.equal(undefined);
    expect(asked({ authorized: true }, false)?.status).to.equal(403);
    expect(asked({ authorized: false }, true)?.status).to.equal(403);
    expect(asked({}, true)?.status).to.equal(403);
  });
});
