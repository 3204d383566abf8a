import { expect } from 'chai';
import { type AddressUse, address } from '../../../src/schema/address-type.ts';

const errorOf = (use: AddressUse, raw: string | number): string | undefined => address(use).parse(raw).error;

/** A text that is no address, and what both a listener and an endpoint say of it. */
const wrong: readonly [string | number, string][] = [
  ['', '"" is empty; write host:port, [::1]:port or unix:/path'],
  ['a', '"a" has no port; write host:port, such as a:50051'],
  ['a:', '"a:" has no port after the colon; write host:port, such as a:50051'],
  ['a b', '"a b" has no port; write host:port, such as 127.0.0.1:50051'],
  ['a:1:2', '"a:1:2" has more than one colon; write one host and one port, host:port'],
  ['a:x', '"a:x": "x" is not a port; write a number from 0 to 65535'],
  ['a:-1', '"a:-1": "-1" is not a port; write a number from 0 to 65535'],
  ['a:99999', '"a:99999": port 99999 is too high; write a number from 0 to 65535'],
  ['::1', '"::1" is an IPv6 address without a port; write [::1]:port'],
  ['fe80::1%eth0:80', '"fe80::1%eth0:80" is an IPv6 address without brackets; write [fe80::1%eth0]:80'],
  ['::1:80', '"::1:80" is an IPv6 address without brackets; write [::1]:80'],
  ['[::1', '"[::1" has brackets that do not match; write an IPv6 address as [::1]:port'],
  ['::1]:1', '"::1]:1" has brackets that do not match; write an IPv6 address as [::1]:port'],
  ['[::1]', '"[::1]" has no port; write [::1]:port, such as [::1]:50051'],
  ['[::1]:', '"[::1]:" has no port; write [::1]:port, such as [::1]:50051'],
  ['[::1]80', '"[::1]80" has no port; write [::1]:port, such as [::1]:80'],
  [
    '[10.0.0.1]:1',
    '"[10.0.0.1]:1" has "10.0.0.1" in brackets, which is not an IPv6 address; write 10.0.0.1:port',
  ],
  ['[x y]:1', '"[x y]:1" has "x y" in brackets, which is not an IPv6 address'],
  ['http://a:1', '"http://a:1" is a URL, and an address has no scheme; write a:1'],
  ['http://a', '"http://a" is a URL, and an address has no scheme; write host:port without "http://"'],
  [
    'https://u:p@a:1/x?y',
    '"https://•••@a:1/x?•••" is a URL, and an address has no scheme; write a:1, and a tls section for TLS',
  ],
  ['/run/a.sock', '"/run/a.sock" is a path; write unix:/path for a Unix socket'],
  ['unix:', '"unix:" has no path; write unix:/path'],
  [
    '127.0.0.256:1',
    '"127.0.0.256:1": "127.0.0.256" is not an IP address; write four numbers from 0 to 255, or a name',
  ],
  ['10.1:1', '"10.1:1": "10.1" is not an IP address; write four numbers from 0 to 255, or a name'],
  ['%H%:1', '"%H%:1": "%H%" is not a host; write host:port, [::1]:port or unix:/path'],
  ['a_b!:1', '"a_b!:1": "a_b!" is not a host; write host:port, [::1]:port or unix:/path'],
];

describe('config/address-type', () => {
  for (const [raw, error] of wrong) {
    it(`says what to write for ${JSON.stringify(raw)}`, () => {
      expect(errorOf('listen', raw)).to.equal(error);
      expect(errorOf('connect', raw)).to.equal(error);
    });
  }

  it('names an address to listen on for a bare port, and one to connect to', () => {
    expect(errorOf('listen', ':16001')).to.equal(
      '":16001" has no host; write 127.0.0.1:16001 for this machine or 0.0.0.0:16001 for every interface',
    );
    expect(errorOf('connect', ':1')).to.equal(
      '":1" has no host; write 127.0.0.1:1 for this machine, or the name of another host',
    );
    expect(errorOf('listen', '*:80')).to.equal(
      '"*:80" has "*" for a host; write 127.0.0.1:80 for this machine or 0.0.0.0:80 for every interface',
    );
    expect(errorOf('listen', 8080)).to.equal(
      '8080 is only a port; write host:port, 127.0.0.1:8080 for this machine or 0.0.0.0:8080 for every interface',
    );
  });

  it('is one address and no list, nor one with options', () => {
    expect(errorOf('listen', 'a:1,b:2')).to.equal(
      '"a:1,b:2" is a list, and one address is needed; write a listener for each address in a configuration file',
    );
    expect(errorOf('connect', 'a:1, b:2')).to.equal(
      '"a:1, b:2" is a list, and one address is needed; write an entry for each address',
    );
    for (const text of ['a:1,weight=2', 'a:1;weight=2'])
      expect(errorOf('connect', text)).to.equal(
        `"${text}" holds weight too; write the address alone, and weight as a key beside it`,
      );
  });

  it('is port 0 only where it is bound', () => {
    expect(address('listen').parse('a:0').value).to.deep.equal({ kind: 'tcp', host: 'a', port: 0 });
    expect(errorOf('connect', 'a:0')).to.equal(
      '"a:0": nothing can be reached at port 0; write a port from 1 to 65535',
    );
  });
});
