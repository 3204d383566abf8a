import { expect } from 'chai';
import { nameKey, parseHosts } from '../../../src/discovery/hosts-file.ts';

describe('a hosts file', () => {
  it('has addresses by name, of every line that has the name', () => {
    const hosts = parseHosts(
      [
        '# comment',
        '127.0.0.1\tlocalhost',
        '::1 localhost ip6-localhost # and this',
        '  10.0.0.1   Orders.Shop.   orders',
        '10.0.0.2 orders',
        '10.0.0.2 orders',
        'fe80::1%eth0 link',
        '10.0.0.300 wrong',
        'nonsense',
        '10.0.0.3',
        '10.0.0.4 windows\r',
      ].join('\n'),
    );
    expect(Object.fromEntries(hosts)).to.deep.equal({
      localhost: ['127.0.0.1', '::1'],
      'ip6-localhost': ['::1'],
      'orders.shop': ['10.0.0.1'],
      orders: ['10.0.0.1', '10.0.0.2'],
      link: ['fe80::1%eth0'],
      windows: ['10.0.0.4'],
    });
    expect(hosts.get(nameKey('ORDERS.shop.'))).to.deep.equal(['10.0.0.1']);
  });

  it('may be empty', () => {
    expect(parseHosts('').size).to.equal(0);
  });
});
