import { expect } from 'chai';
import { formatAddress } from '../../../src/core/address.ts';
import { VirtualClock } from '../../../src/core/clock.ts';
import type { EndpointSpec } from '../../../src/core/endpoint-spec.ts';
import type { Logger } from '../../../src/core/logger.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import { DnsSource } from '../../../src/discovery/dns.ts';
import { addressQuery } from '../../../src/discovery/dns-query.ts';
import { systemDnsResolver } from '../../../src/discovery/dns-resolver.ts';
import { type DiscoveryRig, discoveryContract } from '../../contract/discovery.ts';
import { type DnsServer, startDnsServer } from '../../support/dns-server.ts';
import { FakeDns, failure, setUp, target, turn } from './fake-dns.ts';

discoveryContract({
  name: 'DNS, A and AAAA',
  make(): DiscoveryRig {
    const { clock, dns, source, settle } = setUp();
    dns.a = ['10.0.0.2', '10.0.0.1', '10.0.0.2'];
    dns.aaaa = ['2001:db8::1'];
    return {
      clock,
      source,
      first: ['10.0.0.1:80', '10.0.0.2:80', '[2001:db8::1]:80'],
      settle,
      change() {
        dns.a = ['10.0.0.3', '10.0.0.1'];
        dns.aaaa = failure('ENODATA');
        return ['10.0.0.1:80', '10.0.0.3:80'];
      },
      fail() {
        dns.a = failure('ETIMEOUT');
        dns.aaaa = failure('ETIMEOUT');
      },
      empty() {
        dns.a = [];
        dns.aaaa = failure('ENODATA');
      },
    };
  },
});

discoveryContract({
  name: 'DNS, a name the system resolves',
  make(): DiscoveryRig {
    const { clock, dns, source, settle } = setUp('localhost');
    dns.system = ['127.0.0.1', '::1'];
    return {
      clock,
      source,
      first: ['127.0.0.1:80', '[::1]:80'],
      settle,
      change() {
        dns.system = ['127.0.0.1'];
        return ['127.0.0.1:80'];
      },
      fail() {
        dns.system = failure('EAI_AGAIN');
      },
      empty() {
        dns.system = [];
      },
    };
  },
});

describe('DnsSource', () => {
  it('gives each endpoint the port of the target, and weight 1', async () => {
    const clock = new VirtualClock();
    const dns = new FakeDns();
    dns.a = ['10.0.0.1'];
    const query = addressQuery({ host: 'a', port: 7, family: 'auto' }, dns);
    const dependencies = { clock, random: new SeededRandom(1), resolver: dns };
    const logger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
    const source = new DnsSource(query, { ...dependencies, logger });
    let list: readonly EndpointSpec[] = [];
    source.start((endpoints) => {
      list = endpoints;
    });
    await turn();
    source.stop();
    const address = { kind: 'tcp', host: '10.0.0.1', port: 7 };
    expect(list).to.deep.equal([{ address, hostname: 'a', weight: 1, zone: '', priority: 0 }]);
  });

  for (const [ttlSec, fromMs, toMs] of [
    [0, 1000, 1100],
    [5, 5000, 5500],
    [86_400, 30_000, 33_000],
  ]) {
    it(`with a TTL of ${ttlSec} s asks again between ${fromMs} and ${toMs} ms`, async () => {
      const { dns, source, start, advance } = setUp();
      dns.a = ['10.0.0.1'];
      dns.ttlSec = ttlSec;
      await start();
      await advance(fromMs - 1);
      expect(dns.asked).to.equal(1);
      await advance(toMs - fromMs + 1);
      expect(dns.asked).to.equal(2);
      source.stop();
    });
  }

  it('asks early when asked to, but at most once a second', async () => {
    const { dns, source, start, advance, clock } = setUp();
    dns.a = ['10.0.0.1'];
    dns.ttlSec = 30;
    await start();
    for (let i = 0; i < 100; i++) source.refresh();
    expect(dns.asked).to.equal(1);
    expect(clock.pending).to.equal(1);
    await advance(999);
    expect(dns.asked).to.equal(1);
    await advance(1);
    expect(dns.asked).to.equal(2);
    await advance(5000);
    expect(dns.asked).to.equal(2);
    source.refresh();
    await advance(0);
    expect(dns.asked).to.equal(3);
    for (let i = 0; i < 100; i++) {
      source.refresh();
      await advance(100);
    }
    expect(dns.asked).to.be.within(12, 13);
    source.stop();
  });

  it('does not put off the next question when asked to resolve early', async () => {
    const { dns, source, start, advance } = setUp();
    dns.a = ['10.0.0.1'];
    dns.ttlSec = 0;
    await start();
    for (let i = 0; i < 12; i++) {
      source.refresh();
      await advance(100);
    }
    expect(dns.asked).to.equal(2);
    source.stop();
  });

  it('logs one line when trouble begins and one when it is over, and retries ever more slowly', async () => {
    const { dns, lines, source, start, advance } = setUp();
    dns.a = ['10.0.0.1', '10.0.0.2'];
    await start();
    dns.a = failure('ESERVFAIL');
    for (let i = 0; i < 120; i++) await advance(1000);
    expect(lines).to.deep.equal([
      'warn: DNS name orders.test, port 80: the DNS server failed (SERVFAIL); keeping the last 2 endpoints',
    ]);
    // After 5 s, then 1, 1.6, 2.6, 4.1, 6.6, 10.5, 16.8, 26.8 and 30 s later, with up to 10% more each.
    expect(dns.asked).to.be.within(9, 12);
    dns.a = ['10.0.0.1'];
    for (let i = 0; i < 34; i++) await advance(1000);
    expect(lines.slice(1)).to.deep.equal(['info: DNS name orders.test, port 80 is resolved again']);
    source.stop();
  });

  it('says that there is no endpoint when the first answer fails', async () => {
    const { lines, source, start } = setUp();
    await start();
    expect(lines).to.deep.equal([
      'warn: DNS name orders.test, port 80: DNS has no such name; there is no endpoint until it answers',
    ]);
    source.stop();
  });

  it('keeps the addresses of a family that could not be asked', async () => {
    const { dns, published, source, start, advance } = setUp();
    dns.a = ['10.0.0.1'];
    dns.aaaa = ['2001:db8::1'];
    await start();
    dns.a = ['10.0.0.2'];
    dns.aaaa = failure('ETIMEOUT');
    await advance(6000);
    expect(published.at(-1)).to.deep.equal(['10.0.0.2:80', '[2001:db8::1]:80']);
    dns.aaaa = failure('ENODATA');
    await advance(6000);
    expect(published.at(-1)).to.deep.equal(['10.0.0.2:80']);
    source.stop();
  });

  it('falls back to the system for a name that DNS has not, and asks it every 5 s', async () => {
    const { dns, published, source, start, advance } = setUp();
    dns.system = ['10.0.0.9'];
    await start();
    expect(published).to.deep.equal([['10.0.0.9:80']]);
    await advance(5500);
    expect([dns.asked, dns.lookedUp]).to.deep.equal([2, 2]);
    source.stop();
  });

  it('falls back to the system when no server answers', async () => {
    const { dns, published, source, start } = setUp();
    dns.a = failure('ECONNREFUSED');
    dns.aaaa = failure('ECONNREFUSED');
    dns.system = ['10.0.0.9'];
    await start();
    expect(published).to.deep.equal([['10.0.0.9:80']]);
    source.stop();
  });

  it('asks no server about localhost, and nobody about an address', async () => {
    const local = setUp('db.localhost');
    local.dns.system = ['127.0.0.1'];
    await local.start();
    expect([local.dns.asked, local.dns.lookedUp]).to.deep.equal([0, 1]);
    local.source.stop();
    const literal = setUp('::1');
    await literal.start();
    expect(literal.published).to.deep.equal([['[::1]:80']]);
    expect([literal.dns.asked, literal.dns.lookedUp]).to.deep.equal([0, 0]);
    literal.source.stop();
  });

  for (const [roundMs, untilMs] of [
    [4000, 10_000],
    [24_000, 24_000],
    [600_000, 60_000],
  ]) {
    it(`waits ${untilMs} ms for an answer where resolv.conf gives servers ${roundMs} ms`, async () => {
      const { dns, source, start, advance } = setUp();
      dns.hangs = true;
      dns.roundMs = roundMs;
      await start();
      await advance(untilMs - 1);
      expect(source.status.lastError).to.equal('');
      await advance(1);
      expect(source.status.lastError).to.equal(`no answer within ${untilMs / 1000} s`);
      expect(dns.cancelled).to.equal(1);
      source.stop();
    });
  }

  it('gives up on an answer that never comes, and asks again', async () => {
    const { dns, source, published, start, advance } = setUp();
    dns.hangs = true;
    await start();
    await advance(9999);
    expect(source.status.lastError).to.equal('');
    await advance(1);
    expect(source.status.lastError).to.equal('no answer within 10 s');
    expect(dns.cancelled).to.equal(1);
    dns.hangs = false;
    dns.a = ['10.0.0.1'];
    await advance(1100);
    expect(published).to.deep.equal([['10.0.0.1:80']]);
    source.stop();
  });

  it('cancels what it is asking when stopped', async () => {
    const { dns, source, start, clock } = setUp();
    dns.hangs = true;
    await start();
    source.stop();
    expect(dns.cancelled).to.equal(1);
    expect(clock.pending).to.equal(0);
  });
});

describe('DnsSource with a real DNS server', () => {
  let server: DnsServer;
  let clock: VirtualClock;
  let source: DnsSource;
  let published: string[][];
  let arrived: () => void;

  beforeEach(async () => {
    server = await startDnsServer();
    clock = new VirtualClock();
    published = [];
    arrived = () => {};
  });
  afterEach(async () => {
    source.stop();
    await server.close();
  });

  function start(servers: string[] | undefined, host: string) {
    const logger: Logger = { debug() {}, info: () => arrived(), warn: () => arrived(), error() {} };
    const random = new SeededRandom(1);
    const resolver = systemDnsResolver(servers);
    source = new DnsSource(addressQuery({ ...target, host }, resolver), { clock, logger, random, resolver });
    const next = heard();
    source.start((list) => {
      published.push(list.map((e) => formatAddress(e.address)));
      arrived();
    });
    return next;
  }
  /** The next publication or log line. */
  const heard = () =>
    new Promise<void>((resolve) => {
      arrived = resolve;
    });

  it('publishes A and AAAA and follows a change', async () => {
    server.set('orders.test', ['10.1.0.2', '10.1.0.1', '2001:db8::5'], 1);
    await start([server.address], 'orders.test');
    expect(published).to.deep.equal([['10.1.0.1:80', '10.1.0.2:80', '[2001:db8::5]:80']]);
    expect([...server.questions].sort()).to.deep.equal(['A orders.test', 'AAAA orders.test']);
    server.set('orders.test', ['10.1.0.3'], 1);
    const next = heard();
    clock.advance(1100);
    await next;
    expect(published.at(-1)).to.deep.equal(['10.1.0.3:80']);
  });

  for (const trouble of ['servfail', 'refuse', 'gone', 'empty'] as const) {
    it(`keeps the last good list when the server says ${trouble}`, async () => {
      server.set('orders.test', ['10.1.0.1'], 1);
      await start([server.address], 'orders.test');
      if (trouble === 'gone') server.remove('orders.test');
      else if (trouble === 'empty') server.set('orders.test', []);
      else server.mode = trouble;
      const next = heard();
      clock.advance(1100);
      await next;
      expect(source.status).to.include({ answered: true, endpoints: 1 });
      expect(source.status.lastError).not.to.equal('');
      expect(published).to.deep.equal([['10.1.0.1:80']]);
    });
  }

  it('stops while a silent server leaves it waiting', async () => {
    server.mode = 'silent';
    void start([server.address], 'orders.test');
    while (server.questions.length < 2) await turn();
    source.stop();
    expect(clock.pending).to.equal(0);
  });

  it('resolves localhost through the system', async () => {
    await start(undefined, 'localhost');
    expect(published[0]).to.include('127.0.0.1:80');
  });
});
