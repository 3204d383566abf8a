import { expect } from 'chai';
import { formatAddress, parseAddress, reachableHost } from '../../../src/core/address.ts';

describe('core/address', () => {
  it('reads what it writes', () => {
    for (const text of ['127.0.0.1:80', 'orders:0', '[::1]:65535', '[fe80::1%eth0]:1', 'unix:/run/a.sock'])
      expect(formatAddress(parseAddress(text).value!), text).to.equal(text);
  });

  it('reaches who listens on a wildcard by loopback', () => {
    const reached = ['0.0.0.0', '::', '10.0.0.7', 'orders', '::1'].map(reachableHost);
    expect(reached).to.deep.equal(['127.0.0.1', '::1', '10.0.0.7', 'orders', '::1']);
  });

  it('says what to write instead', () => {
    const errors: Record<string, RegExp> = {
      '127.0.0.1': /has no port; write host:port, such as 127\.0\.0\.1:50051/,
      '[::1]': /has no port/,
      '::1:80': /without brackets; write \[::1\]:80/,
      ':80': /has no host/,
      'a:65536': /port 65536 is too high; write a number from 0 to 65535/,
      'unix:': /has no path/,
      'unix:/run/a\0b': /has a NUL character in its path; write a path without one/,
      '[a]:1': /"a" in brackets, which is not an IPv6 address; write a:port/,
      '[[]]:1': /brackets that do not match/,
      '[]:1': /has no host/,
    };
    for (const [text, error] of Object.entries(errors))
      expect(parseAddress(text).error, text).to.match(error);
  });
});
