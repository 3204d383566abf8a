import { expect } from 'chai';
import { formatAddress } from '../../../src/core/address.ts';
import { addressQuery, serviceQuery } from '../../../src/discovery/dns-query.ts';
import type { DnsFamily } from '../../../src/discovery/dns-resolver.ts';
import { systemDnsResolver } from '../../../src/discovery/dns-resolver.ts';
import { type DiscoveryRig, discoveryContract } from '../../contract/discovery.ts';
import { startDnsServer } from '../../support/dns-server.ts';
import { FakeDns, failure, setUp } from './fake-dns.ts';

const service = (host: string, port: number, weight = 1, priority = 0) => ({ host, port, weight, priority });

discoveryContract({
  name: 'DNS, SRV',
  make(): DiscoveryRig {
    const { clock, dns, source, settle } = setUp('_grpc._tcp.orders.test', 'auto', true);
    dns.hosts = new Map([
      ['a.test', ['10.0.0.1']],
      ['b.test', ['10.0.0.2']],
      ['c.test', ['10.0.0.3']],
    ]);
    dns.srv = [service('a.test', 80), service('b.test', 81), service('b.test', 81)];
    return {
      clock,
      source,
      first: ['10.0.0.1:80', '10.0.0.2:81'],
      settle,
      change() {
        dns.srv = [service('c.test', 90), service('b.test', 81)];
        return ['10.0.0.2:81', '10.0.0.3:90'];
      },
      fail() {
        dns.srv = failure('ESERVFAIL');
      },
      empty() {
        dns.srv = [];
      },
    };
  },
});

describe('addressQuery', () => {
  const both = async (family: DnsFamily, host = 'orders.test') => {
    const dns = new FakeDns();
    dns.a = ['10.0.0.1', '10.0.0.2'];
    dns.aaaa = ['2001:db8::1', '2001:db8::2'];
    dns.system = ['127.0.0.1', '::1'];
    const answer = await addressQuery({ host, port: 80, family }, dns).ask();
    return answer.ok ? answer.endpoints.map(({ address }) => formatAddress(address)) : answer.error;
  };

  it('counts a replica with two families once: IPv4 where there is any, unless configured otherwise', async () => {
    const [ipv4, ipv6] = [
      ['10.0.0.1:80', '10.0.0.2:80'],
      ['[2001:db8::1]:80', '[2001:db8::2]:80'],
    ];
    expect(await both('auto')).to.deep.equal(ipv4);
    expect(await both('ipv4')).to.deep.equal(ipv4);
    expect(await both('ipv6')).to.deep.equal(ipv6);
    expect(await both('all')).to.deep.equal([...ipv4, ...ipv6]);
  });

  it('localhost is one machine, whose families are tried in turn by who connects', async () => {
    expect(await both('auto', 'localhost')).to.deep.equal(['localhost:80']);
    expect(await both('ipv6', 'localhost')).to.deep.equal(['[::1]:80']);
    expect(await both('all', 'localhost')).to.deep.equal(['127.0.0.1:80', '[::1]:80']);
  });

  it('takes IPv6 where there is nothing else, and does not change family for trouble with the other', async () => {
    const dns = new FakeDns();
    const query = addressQuery({ host: 'orders.test', port: 80, family: 'auto' }, dns);
    const addresses = async () => {
      const answer = await query.ask();
      return answer.ok ? answer.endpoints.map(({ address }) => formatAddress(address)) : [];
    };
    dns.aaaa = ['2001:db8::1'];
    expect(await addresses()).to.deep.equal(['[2001:db8::1]:80']);
    dns.a = ['10.0.0.1'];
    expect(await addresses()).to.deep.equal(['10.0.0.1:80']);
    dns.a = failure('ESERVFAIL');
    expect(await addresses()).to.deep.equal(['10.0.0.1:80']);
  });
});

describe('serviceQuery', () => {
  async function ask(change: (dns: FakeDns) => void, rounds: Array<(dns: FakeDns) => void> = []) {
    const dns = new FakeDns();
    change(dns);
    const query = serviceQuery({ host: '_grpc._tcp.orders.test', family: 'auto' }, dns);
    let answer = await query.ask();
    for (const round of rounds) {
      round(dns);
      answer = await query.ask();
    }
    if (!answer.ok) throw new Error(answer.error);
    const list = answer.endpoints.map((e) => [formatAddress(e.address), e.weight, e.priority]);
    return { list, ttlSec: answer.ttlSec };
  }

  it('takes port and weight from each record, and priorities as they rank', async () => {
    const { list } = await ask((dns) => {
      dns.hosts = new Map([
        ['a.test', ['10.0.0.1']],
        ['b.test', ['10.0.0.2', '10.0.0.3']],
      ]);
      dns.srv = [service('a.test', 80, 5, 20), service('b.test', 81, 4, 20), service('a.test', 82, 0, 100)];
    });
    expect(list).to.deep.equal([
      ['10.0.0.1:80', 5, 0],
      ['10.0.0.1:82', 1, 1],
      ['10.0.0.2:81', 2, 0],
      ['10.0.0.3:81', 2, 0],
    ]);
  });

  it('is asked every 5 s, or as often as the addresses ask for', async () => {
    for (const [ttlSec, expected] of [
      [60, 5],
      [2, 2],
    ]) {
      const answer = await ask((dns) => {
        dns.ttlSec = ttlSec;
        dns.a = ['10.0.0.1'];
        dns.srv = [service('a.test', 80)];
      });
      expect(answer.ttlSec).to.equal(expected);
    }
  });

  it('one host that cannot be resolved keeps what was known of it, and takes nothing from the others', async () => {
    const start = (dns: FakeDns): void => {
      dns.hosts = new Map([
        ['a.test', ['10.0.0.1']],
        ['b.test', ['10.0.0.2']],
      ]);
      dns.srv = [service('a.test', 80), service('b.test', 80)];
    };
    const trouble = (dns: FakeDns): void => {
      dns.hosts?.set('a.test', failure('ESERVFAIL'));
      dns.hosts?.set('b.test', ['10.0.0.9']);
    };
    const { list } = await ask(start, [trouble]);
    expect(list.map(([address]) => address)).to.deep.equal(['10.0.0.1:80', '10.0.0.9:80']);
  });

  it('says which host cannot be resolved where none can', async () => {
    const dns = new FakeDns();
    dns.srv = [service('a.test', 80)];
    expect(await serviceQuery({ host: 's.test', family: 'auto' }, dns).ask()).to.deep.equal({
      ok: false,
      error: 'a.test: DNS has no such name',
    });
  });

  it('reads SRV records of a real DNS server', async () => {
    const server = await startDnsServer();
    server.setService('_grpc._tcp.orders.test', [{ host: 'a.test', port: 50_051, weight: 3, priority: 1 }]);
    server.set('a.test', ['10.1.0.1'], 3);
    const query = serviceQuery(
      { host: '_grpc._tcp.orders.test', family: 'auto' },
      systemDnsResolver([server.address]),
    );
    const address = { kind: 'tcp', host: '10.1.0.1', port: 50_051 };
    expect(await query.ask()).to.deep.equal({
      ok: true,
      endpoints: [{ address, hostname: 'orders.test', weight: 3, zone: '', priority: 0 }],
      ttlSec: 3,
    });
    expect([...server.questions].sort()).to.deep.equal([
      'A a.test',
      'AAAA a.test',
      'SRV _grpc._tcp.orders.test',
    ]);
    await server.close();
  });
});
