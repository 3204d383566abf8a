import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { addressQuery, type DnsQuery, serviceQuery } from '../../../src/discovery/dns-query.ts';
import { type DnsFamily, type DnsResolver, systemDnsResolver } from '../../../src/discovery/dns-resolver.ts';
import { parseHosts } from '../../../src/discovery/hosts-file.ts';
import { parseNsswitch } from '../../../src/discovery/nsswitch.ts';
import { parseResolvConf } from '../../../src/discovery/resolv-conf.ts';
import { type DnsServer, startDnsServer } from '../../support/dns-server.ts';
import { failure } from './fake-dns.ts';

/** What a query gives: addresses with their names, or the error. */
async function outcome(query: DnsQuery): Promise<string> {
  const answer = await query.ask();
  if (!answer.ok) return answer.error;
  return answer.endpoints
    .map(({ address, hostname }) => `${address.kind === 'tcp' ? address.host : ''} ${hostname}`.trim())
    .join(', ');
}

describe('a name, looked up by the files of the platform', () => {
  let server: DnsServer;
  let folder: string;
  let resolver: DnsResolver;
  const write = (name: string, text: string): void => {
    // By another file in its place, as a container runtime does: the state of the file differs however fast it is.
    writeFileSync(join(folder, 'new'), text);
    renameSync(join(folder, 'new'), join(folder, name));
  };
  beforeEach(async () => {
    server = await startDnsServer();
    folder = mkdtempSync(join(tmpdir(), 'outrigger-names-'));
    const [hosts, nsswitch, resolvConf] = ['hosts', 'nsswitch', 'resolv'].map((name) => join(folder, name));
    resolver = systemDnsResolver([server.address], { hosts, nsswitch, resolvConf });
    write('resolv', 'search shop.test test\noptions ndots:2 timeout:1 attempts:1');
  });
  afterEach(async () => {
    rmSync(folder, { recursive: true });
    await server.close();
  });
  const lookUp = (host: string, family: DnsFamily = 'auto') =>
    outcome(addressQuery({ host, port: 80, family }, resolver));

  it('is in the hosts file before it is a question to a server', async () => {
    write('hosts', '10.0.0.1 orders\n10.0.0.2 Orders.\n::9 orders');
    server.set('orders.shop.test', ['10.9.9.9']);
    expect(await lookUp('orders')).to.equal('10.0.0.1 orders, 10.0.0.2 orders');
    expect(await lookUp('ORDERS.')).to.equal('10.0.0.1 ORDERS, 10.0.0.2 ORDERS');
    expect(await lookUp('orders', 'ipv6')).to.equal('::9 orders');
    expect(server.questions).to.deep.equal([]);
  });

  it('is a question where the hosts file has only the other family', async () => {
    write('hosts', '::9 orders');
    server.set('orders.shop.test', ['10.9.9.9']);
    expect(await lookUp('orders', 'ipv4')).to.equal('10.9.9.9 orders');
  });

  it('follows the files as they change', async () => {
    server.set('orders.shop.test', ['10.9.9.9']);
    const query = addressQuery({ host: 'orders', port: 80, family: 'auto' }, resolver);
    expect(await outcome(query)).to.equal('10.9.9.9 orders');
    write('hosts', '10.0.0.1 orders');
    expect(await outcome(query)).to.equal('10.0.0.1 orders');
    write('nsswitch', 'hosts: dns files');
    expect(await outcome(query)).to.equal('10.9.9.9 orders');
    write('resolv', 'search other.test');
    expect(await outcome(query)).to.equal('10.0.0.1 orders');
    rmSync(join(folder, 'hosts'));
    expect(await outcome(query)).to.equal('DNS has no such name');
  });

  it('is completed by the search domains in order, before it is asked for as it is', async () => {
    server.set('orders.test', ['10.0.0.2']);
    server.set('orders', ['10.0.0.3']);
    expect(await lookUp('orders', 'ipv4')).to.equal('10.0.0.2 orders');
    expect(server.questions).to.deep.equal(['A orders.shop.test', 'A orders.test']);
    server.remove('orders.test');
    expect(await lookUp('orders', 'ipv4')).to.equal('10.0.0.3 orders');
  });

  it('with ndots dots is asked for as it is first, and with a dot at its end only so', async () => {
    server.set('a.b.c.shop.test', ['10.0.0.1']);
    expect(await lookUp('a.b.c', 'ipv4')).to.equal('10.0.0.1 a.b.c');
    expect(server.questions).to.deep.equal(['A a.b.c', 'A a.b.c.shop.test']);
    expect(await lookUp('a.b.c.', 'ipv4')).to.equal('DNS has no such name');
    expect(server.questions.slice(2)).to.deep.equal(['A a.b.c']);
  });

  it('localhost and what is below it are loopback, and no question', async () => {
    expect(await lookUp('localhost')).to.equal('localhost localhost');
    expect(await lookUp('app.localhost.')).to.equal('localhost app.localhost');
    expect(await lookUp('app.localhost', 'ipv6')).to.equal('::1 app.localhost');
    write('hosts', '127.0.0.9 app.localhost');
    expect(await lookUp('app.localhost')).to.equal('127.0.0.9 app.localhost');
    expect(server.questions).to.deep.equal([]);
  });

  it('an address is itself, with its zone, and has no name', async () => {
    for (const address of ['10.0.0.1', '::1', 'fe80::1%eth0'])
      expect(await lookUp(address)).to.equal(address);
    expect(server.questions).to.deep.equal([]);
  });

  it('where nsswitch.conf ends the search after the hosts file, is no question', async () => {
    write('nsswitch', 'hosts: files [NOTFOUND=return] dns');
    server.set('orders.shop.test', ['10.9.9.9']);
    expect(await lookUp('orders')).to.equal('the system knows no such name');
    expect(server.questions).to.deep.equal([]);
  });

  it('is asked of each server for as long and as often as resolv.conf says', async () => {
    server.mode = 'silent';
    const startedMs = performance.now();
    expect(await lookUp('a.b.c.', 'ipv4')).to.equal('no DNS server answered in time');
    expect(performance.now() - startedMs).to.be.within(900, 8000);
    expect(server.questions).to.deep.equal(['A a.b.c']);
    expect(resolver.roundMs).to.equal(1000);
    write('resolv', 'nameserver 127.0.0.1\nnameserver ::1\noptions timeout:4 attempts:3');
    server.mode = 'answer';
    await lookUp('a.b.c.', 'ipv4');
    expect(resolver.roundMs).to.equal(24_000);
  });

  it('is asked of the servers in turn with rotate, else of the first', async () => {
    const second = await startDnsServer();
    const [hosts, nsswitch, resolvConf] = ['hosts', 'nsswitch', 'resolv'].map((name) => join(folder, name));
    resolver = systemDnsResolver([server.address, second.address], { hosts, nsswitch, resolvConf });
    for (const one of [server, second]) one.set('a.b.c', ['10.0.0.1']);
    const counts = () => [server.questions.length, second.questions.length];
    for (let i = 0; i < 4; i++) await lookUp('a.b.c.', 'ipv4');
    expect(counts()).to.deep.equal([4, 0]);
    write('resolv', 'options rotate');
    for (let i = 0; i < 4; i++) await lookUp('a.b.c.', 'ipv4');
    expect(counts()).to.deep.equal([6, 2]);
    await second.close();
  });

  it('of a service is completed too; its targets are full names, and TLS is for the domain that was asked for', async () => {
    server.setService('_grpc._tcp.orders.test', [
      { host: 'a.internal', port: 1, weight: 1, priority: 0 },
      { host: 'b.internal', port: 2, weight: 1, priority: 0 },
    ]);
    server.set('a.internal', ['10.0.0.1']);
    write('hosts', '10.0.0.2 b.internal');
    const query = serviceQuery({ host: '_grpc._tcp.orders', family: 'ipv4' }, resolver);
    expect(await outcome(query)).to.equal('10.0.0.1 orders, 10.0.0.2 orders');
    expect(server.questions).to.deep.equal([
      'SRV _grpc._tcp.orders',
      'SRV _grpc._tcp.orders.shop.test',
      'SRV _grpc._tcp.orders.test',
      'A a.internal',
    ]);
  });

  it('of a service whose target is the root is not offered (RFC 2782)', async () => {
    server.setService('_grpc._tcp.orders.test', [{ host: '', port: 0, weight: 0, priority: 0 }]);
    const query = serviceQuery({ host: '_grpc._tcp.orders', family: 'ipv4' }, resolver);
    expect(await outcome(query)).to.equal('no SRV records');
  });
});

describe('a name while a server has trouble', () => {
  const known = new Map<string, readonly string[] | Error>();
  let asked: string[] = [];
  let cLibrary = 0;
  const rules = {
    hosts: parseHosts(''),
    order: parseNsswitch('hosts: files mdns4_minimal [NOTFOUND=return] dns'),
    resolvConf: parseResolvConf('search a b c', 'x'),
  };
  const resolver: DnsResolver = {
    resolve4: async (host) => {
      asked.push(host);
      const found = known.get(host) ?? failure('ENOTFOUND');
      if (found instanceof Error) throw found;
      return found.map((address) => ({ address, ttlSec: 5 }));
    },
    resolve6: async () => [],
    resolveSrv: async () => [],
    names: async () => rules,
    lookup: async () => {
      cLibrary += 1;
      throw failure('ENOTFOUND');
    },
    cancel() {},
  };
  let query: DnsQuery;
  beforeEach(() => {
    known.clear();
    asked = [];
    cLibrary = 0;
    query = addressQuery({ host: 'orders', port: 80, family: 'ipv4' }, resolver);
  });

  it('goes on with the next search domain after a failure, as the C library does', async () => {
    known.set('orders.a', failure('ESERVFAIL')).set('orders.b', ['10.0.0.2']);
    expect(await outcome(query)).to.equal('10.0.0.2 orders');
  });

  it('does not exchange its replicas for those of another full name', async () => {
    known.set('orders.a', ['10.0.0.1']).set('orders.b', ['10.0.0.2']);
    expect(await outcome(query)).to.equal('10.0.0.1 orders');
    known.set('orders.a', failure('ESERVFAIL'));
    expect(await outcome(query)).to.equal('the DNS server failed (SERVFAIL)');
    expect(cLibrary, 'the C library is not asked either').to.equal(0);
    // That the name is gone is an answer, and no trouble.
    known.delete('orders.a');
    expect(await outcome(query)).to.equal('10.0.0.2 orders');
    known.set('orders.b', failure('ETIMEOUT'));
    expect(await outcome(query)).to.equal('no DNS server answered in time');
  });

  for (const code of ['ETIMEOUT', 'ECONNREFUSED', 'ECANCELLED']) {
    it(`asks for no further name after ${code}`, async () => {
      known.set('orders.a', failure(code)).set('orders.b', ['10.0.0.2']);
      await query.ask();
      expect(asked).to.deep.equal(['orders.a']);
      expect(cLibrary).to.equal(1);
    });
  }

  it('says what was wrong rather than that another name does not exist', async () => {
    known.set('orders.b', failure('EREFUSED'));
    expect(await outcome(query)).to.equal('the DNS server refused to answer (REFUSED)');
    expect(asked).to.deep.equal(['orders.a', 'orders.b', 'orders.c', 'orders']);
  });

  it('under .local is for multicast DNS where the platform has it: the C library is asked, and no server', async () => {
    await addressQuery({ host: 'printer.local', port: 80, family: 'ipv4' }, resolver).ask();
    expect([asked, cLibrary]).to.deep.equal([[], 1]);
  });
});
