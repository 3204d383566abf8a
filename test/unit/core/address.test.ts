import { expect } from 'chai';
import { formatAddress, parseAddress } from '../../../src/core/address.ts';

describe('core/address', () => {
  it('reads what it writes', () => {
    for (const text of ['127.0.0.1:80', 'orders:0', '[::1]:65535', '[fe80::1%eth0]:1', 'unix:/run/a.sock'])
      expect(formatAddress(parseAddress(text).value!), text).to.equal(text);
  });

  it('says what to write instead', () => {
    const errors: Record<string, RegExp> = {
      '127.0.0.1': /has no port; write host:port/,
      '[::1]': /has no port/,
      '::1:80': /in brackets, \[::1\]:port/,
      ':80': /has no host/,
      'a:65536': /"65536" is not a port; write a number from 0 to 65535/,
      'unix:': /has no path/,
      '[a]:1': /"a" is no IPv6 address; only those stand in brackets/,
      '[[]]:1': /"\[\]" is no IPv6 address/,
      '[]:1': /has no host/,
    };
    for (const [text, error] of Object.entries(errors))
      expect(parseAddress(text).error, text).to.match(error);
  });
});
