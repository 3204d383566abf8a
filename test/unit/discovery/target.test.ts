import { expect } from 'chai';
import fc from 'fast-check';
import { parseTarget } from '../../../src/discovery/target.ts';

describe('parseTarget', () => {
  const none = { weight: 1, zone: '', priority: 0 };
  const tcp = (host: string, port: number) => ({ kind: 'tcp', host, port });

  const good: Array<[string, unknown]> = [
    ['127.0.0.1:50051', { kind: 'static', endpoint: { address: tcp('127.0.0.1', 50051), ...none } }],
    [' orders:80 ', { kind: 'static', endpoint: { address: tcp('orders', 80), ...none } }],
    ['[::1]:80;weight=2', { kind: 'static', endpoint: { address: tcp('::1', 80), ...none, weight: 2 } }],
    [
      'a:80; weight=2.5; zone=b; priority=1',
      { kind: 'static', endpoint: { address: tcp('a', 80), weight: 2.5, zone: 'b', priority: 1 } },
    ],
    [
      'unix:/run/a.sock',
      { kind: 'static', endpoint: { address: { kind: 'unix', path: '/run/a.sock' }, ...none } },
    ],
    [
      'unix:///run/a.sock;weight=3',
      { kind: 'static', endpoint: { address: { kind: 'unix', path: '/run/a.sock' }, ...none, weight: 3 } },
    ],
    ['dns:///orders:50051', { kind: 'dns', dns: { host: 'orders', port: 50051, ...none } }],
    [
      'dns:orders.shop.svc.cluster.local.:80;weight=4',
      { kind: 'dns', dns: { host: 'orders.shop.svc.cluster.local.', port: 80, ...none, weight: 4 } },
    ],
    ['dns:///_grpc.orders:80', { kind: 'dns', dns: { host: '_grpc.orders', port: 80, ...none } }],
    ['dns:///[::1]:80', { kind: 'dns', dns: { host: '::1', port: 80, ...none } }],
  ];
  for (const [text, value] of good) {
    it(`reads ${JSON.stringify(text)}`, () => {
      expect(parseTarget(text)).to.deep.equal({ value });
    });
  }

  const bad: Array<[string, RegExp]> = [
    ['', /has no port; write host:port/],
    ['localhost', /has no port; write host:port/],
    ['localhost:http', /"http" is not a port/],
    ['localhost:0', /port 0; write a port from 1 to 65535/],
    [
      'http://localhost:80',
      /"http:\/\/" is not understood here; write host:port, unix:\/path or dns:\/\/\/host:port/,
    ],
    ['unix:', /has no path/],
    ['dns:///orders', /has no port\); write dns:\/\/\/host:port|has no port.*write dns:\/\/\/host:port/],
    ['dns:///orders:0', /port 0/],
    ['dns://8.8.8.8/orders:80', /names a DNS server, which is not supported; write dns:\/\/\/host:port/],
    ['dns:///or ders:80', /"or ders" is no DNS name/],
    ['dns:///unix:/a', /is no DNS target/],
    [`dns:///${'a'.repeat(64)}:80`, /is no DNS name/],
    ['a:80;weight=0', /weight "0" is not a number from 1/],
    ['a:80;weight=much', /weight "much"/],
    ['a:80;weight', /weight ""/],
    ['a:80;priority=-1', /priority "-1" is not a whole number/],
    ['a:80;wieght=2', /"wieght" is not an option of a target; there are weight, zone and priority/],
    ['a:80;', /"" is not an option/],
  ];
  for (const [text, message] of bad) {
    it(`says what is wrong with ${JSON.stringify(text)}`, () => {
      const { value, error } = parseTarget(text);
      expect(value).to.equal(undefined);
      expect(error).to.match(message);
    });
  }

  it('never throws', () => {
    const pieces = fc.constantFrom(
      'dns:',
      '///',
      '//',
      ':',
      ';',
      '=',
      'weight',
      'unix:',
      '[',
      ']',
      '1',
      'a',
      '.',
      '%',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(pieces, fc.string())), (parts) => {
        const { value, error } = parseTarget(parts.join(''));
        expect((value === undefined) !== (error === undefined)).to.equal(true);
      }),
    );
  });
});
