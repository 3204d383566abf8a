import { expect } from 'chai';
import { fullNames, parseResolvConf } from '../../../src/discovery/resolv-conf.ts';

describe('resolv.conf', () => {
  it('has what the C library would do without one', () => {
    expect(parseResolvConf('', 'box.example.org')).to.deep.equal({
      servers: [],
      search: ['example.org'],
      ndots: 1,
      timeoutMs: null,
      attempts: null,
      rotate: false,
    });
    expect(parseResolvConf('', 'box').search).to.deep.equal([]);
  });

  it('reads servers, search domains and options', () => {
    const text = `# made by hand
; really
nameserver 10.96.0.10
nameserver fe80::1%eth0
nameserver ten
  nameserver 10.0.0.3
nameserver 10.0.0.4
domain old.example
search shop.svc.cluster.local svc.cluster.local. .
options ndots:5 timeout:3 attempts:4
options rotate edns0`;
    expect(parseResolvConf(text, 'box.example.org')).to.deep.equal({
      servers: ['10.96.0.10', 'fe80::1%eth0', '10.0.0.3'],
      search: ['shop.svc.cluster.local', 'svc.cluster.local', ''],
      ndots: 5,
      timeoutMs: 3000,
      attempts: 4,
      rotate: true,
    });
  });

  it('takes the last of domain and search', () => {
    expect(parseResolvConf('search a b\ndomain c', 'x').search).to.deep.equal(['c']);
    expect(parseResolvConf('domain c\nsearch a b', 'x').search).to.deep.equal(['a', 'b']);
    expect(parseResolvConf('search', 'x.example').search).to.deep.equal([]);
  });

  it('bounds what an option says, and passes over nonsense', () => {
    const { ndots, timeoutMs, attempts } = parseResolvConf('options ndots:99 timeout:0 attempts:77', 'x');
    expect([ndots, timeoutMs, attempts]).to.deep.equal([15, 1000, 5]);
    expect(parseResolvConf('options ndots:-1 timeout:x attempts: ndots', 'x')).to.include({
      ndots: 1,
      timeoutMs: null,
      attempts: null,
    });
  });

  const kubernetes = { ...parseResolvConf('options ndots:5\nsearch ns.svc svc example.org', 'x') };
  for (const [name, conf, expected] of [
    ['orders', kubernetes, ['orders.ns.svc', 'orders.svc', 'orders.example.org', 'orders']],
    [
      '_grpc._tcp.orders',
      kubernetes,
      [
        '_grpc._tcp.orders.ns.svc',
        '_grpc._tcp.orders.svc',
        '_grpc._tcp.orders.example.org',
        '_grpc._tcp.orders',
      ],
    ],
    [
      'a.b.c.d.e.f',
      kubernetes,
      ['a.b.c.d.e.f', 'a.b.c.d.e.f.ns.svc', 'a.b.c.d.e.f.svc', 'a.b.c.d.e.f.example.org'],
    ],
    ['orders.', kubernetes, ['orders']],
    [
      'orders.shop',
      { ...kubernetes, ndots: 1 },
      ['orders.shop', 'orders.shop.ns.svc', 'orders.shop.svc', 'orders.shop.example.org'],
    ],
    ['orders', { ...kubernetes, ndots: 0 }, ['orders', 'orders.ns.svc', 'orders.svc', 'orders.example.org']],
    ['orders', { ...kubernetes, search: ['', 'a'] }, ['orders', 'orders.a']],
    ['orders', { ...kubernetes, search: [] }, ['orders']],
    ['x'.repeat(250), kubernetes, ['x'.repeat(250)]],
  ] as const) {
    it(`${name.slice(0, 20)} with ndots ${conf.ndots} and search "${conf.search.join(' ')}" stands for ${expected.join(', ').slice(0, 60)}`, () => {
      expect(fullNames(name, conf)).to.deep.equal(expected);
    });
  }
});
