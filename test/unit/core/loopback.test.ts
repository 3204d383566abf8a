import { expect } from 'chai';
import { canonicalIp, isLoopbackHost } from '../../../src/core/loopback.ts';

describe('core/loopback', () => {
  it('recognizes the loopback interface by name and by address, in any notation', () => {
    for (const host of ['127.0.0.1', '127.9.9.9', '::1', '0:0:0:0:0:0:0:1', 'localhost', '::ffff:127.0.0.1'])
      expect(isLoopbackHost(host), host).to.equal(true);
    for (const host of ['0.0.0.0', '::', '::2', '10.0.0.1', '128.0.0.1', '127.example', 'orders', ''])
      expect(isLoopbackHost(host), host).to.equal(false);
  });

  it('writes each IP address in one notation, and leaves names alone', () => {
    expect(
      ['0:0:0:0:0:0:0:2', '::FFFF:10.1.2.3', 'fe80::1%eth0', '10.0.0.1', 'Orders'].map(canonicalIp),
    ).to.deep.equal(['::2', '10.1.2.3', 'fe80::1', '10.0.0.1', 'Orders']);
  });
});
