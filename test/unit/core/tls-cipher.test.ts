import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { expect } from 'chai';
import { forbiddenCipher } from '../../../src/core/tls-cipher.ts';

describe('the TLS cipher of an HTTP/2 connection', () => {
  const withCipher = (name: string, version: string): TLSSocket => {
    const socket = new TLSSocket(new Socket());
    socket.getCipher = () => ({ name, version, standardName: name });
    return socket;
  };
  for (const [name, allowed] of [
    ['ECDHE-RSA-AES128-GCM-SHA256', true],
    ['ECDHE-ECDSA-AES256-GCM-SHA384', true],
    ['ECDHE-RSA-CHACHA20-POLY1305', true],
    ['DHE-RSA-AES128-GCM-SHA256', true],
    ['DHE-RSA-AES256-CCM8', true],
    ['ECDHE-PSK-CHACHA20-POLY1305', true],
    ['ECDHE-RSA-AES128-SHA256', false],
    ['ECDHE-RSA-AES256-SHA', false],
    ['DHE-RSA-AES256-SHA256', false],
    ['AES128-GCM-SHA256', false],
    ['AES256-SHA', false],
    ['PSK-AES128-GCM-SHA256', false],
    ['RSA-PSK-CHACHA20-POLY1305', false],
    ['ADH-AES128-GCM-SHA256', false],
    ['AECDH-AES128-SHA', false],
  ] as const) {
    it(`${name} is ${allowed ? 'allowed' : 'forbidden'}`, () => {
      const socket = withCipher(name, 'TLSv1.2');
      expect(forbiddenCipher(socket)).to.equal(allowed ? '' : name);
      socket.destroy();
    });
  }

  it('is always allowed in TLS 1.3, and there is none without TLS', () => {
    const socket = withCipher('TLS_AES_128_GCM_SHA256', 'TLSv1.3');
    expect(forbiddenCipher(socket)).to.equal('');
    socket.destroy();
    expect(forbiddenCipher(new Socket())).to.equal('');
  });
});
