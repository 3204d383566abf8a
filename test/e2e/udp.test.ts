import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { freePorts } from '../support/free-ports.ts';
import type { ConfigShape } from '../support/sidecar.ts';
import { startUdpClient, startUdpReplica, type UdpClient, type UdpReplica } from '../support/udp-peers.ts';
import { until } from '../support/until.ts';
import { startReloadable } from './reloadable.ts';
import { rig } from './rig.ts';

describe('UDP', () => {
  const { sidecar, defer } = rig();

  function shapeOf(
    addresses: readonly string[],
    udp: object = {},
    cluster: Record<string, unknown> = {},
    more: Record<string, unknown> = {},
  ): ConfigShape {
    const endpoints = addresses.map((address) => ({ address }));
    return {
      listeners: [{ name: 'in', listen: '127.0.0.1:0', protocol: 'udp', cluster: 'echo', udp }],
      clusters: [
        { name: 'echo', protocol: 'udp', balancer: { policy: 'round_robin' }, endpoints, ...cluster },
      ],
      ...more,
    };
  }
  const starting = async (shape: Parameters<typeof shapeOf>[1], replicas: readonly UdpReplica[]) =>
    sidecar(
      shapeOf(
        replicas.map(({ address }) => address),
        shape,
      ),
    );
  async function replica(name: string): Promise<UdpReplica> {
    const started = await startUdpReplica(name);
    defer(() => started.kill());
    return started;
  }
  async function client(target: string): Promise<UdpClient> {
    const made = await startUdpClient(target);
    defer(() => made.close());
    return made;
  }

  it('binds each client to one replica, and answers from the address of the listener', async () => {
    const replicas = [await replica('a'), await replica('b')];
    const proxy = await starting({}, replicas);
    // The clients are connected, so that they receive nothing from any other address.
    const clients = await Promise.all([1, 2, 3, 4].map(() => client(proxy.target())));
    const names: string[] = [];
    for (const [i, one] of clients.entries()) {
      const [first, second] = [await one.ask(`${i}-1`), await one.ask(`${i}-2`)];
      expect([first.slice(2), second.slice(2)]).to.deep.equal([`${i}-1`, `${i}-2`]);
      expect(first[0]).to.equal(second[0]);
      names.push(first[0]);
    }
    expect(names.sort()).to.deep.equal(['a', 'a', 'b', 'b']);
    expect(proxy.cluster().active).to.equal(4);
  });

  it('carries empty datagrams and datagrams of 65,507 bytes', async () => {
    const proxy = await starting({}, [await replica('')]);
    const one = await client(proxy.target());
    one.send(Buffer.alloc(0));
    expect(String(await one.next())).to.equal(' ');
    one.send(Buffer.alloc(65_506, 'x'));
    expect((await one.next()).length).to.equal(65_507);
    expect(proxy.log.join('')).not.to.contain('dropped');
  });

  it('sends a refused datagram to another replica, and ejects the one that refuses', async () => {
    const [a, b] = [await replica('a'), await replica('b')];
    const proxy = await starting({}, [a, b]);
    await a.kill();
    for (let i = 0; i < 20; i++) expect(await (await client(proxy.target())).ask(`${i}`)).to.equal(`b ${i}`);
    const { error, outlier } = proxy.endpoint(a.address);
    expect([error, outlier?.usable]).to.deep.equal([5, false]);
    expect(proxy.endpoint(b.address).error).to.equal(0);
  });

  it('ejects nobody for silence, whatever one client sends', async () => {
    const quiet = await replica('quiet');
    quiet.delayMs = null;
    const proxy = await starting({ idleTimeout: '50ms' }, [quiet, await replica('b')]);
    const clients = await Promise.all(Array.from({ length: 20 }, () => client(proxy.target())));
    for (const one of clients) for (const size of [0, 1, 65_507]) one.send(Buffer.alloc(size));
    await until(
      () => proxy.app.calls().ended === 20,
      () => `${proxy.app.calls().ended} sessions ended`,
    );
    const { error, other, outlier } = proxy.endpoint(quiet.address);
    expect([error, other, outlier?.usable, outlier?.ejections]).to.deep.equal([0, 10, true, 0]);
  });

  it('moves a session whose replica is drained or removed, and loses no answer', async () => {
    const [a, b] = [await replica('a'), await replica('b')];
    a.delayMs = 100;
    const both = shapeOf([a.address, b.address]);
    const { proxy, reload } = await startReloadable(sidecar, both);
    const [one, other] = [await client(proxy.target()), await client(proxy.target())];
    for (const each of [one, other]) each.send(`of ${each.port}`);
    await until(
      () => a.received.length === 1 && b.received.length === 1,
      () => 'a or b has nothing',
    );
    const ofA = a.received[0] === `of ${one.port}` ? one : other;
    proxy.cluster().drainEndpoint(a.address, true);
    expect(await ofA.ask('2')).to.equal('b 2');
    expect(String(await ofA.next())).to.equal(`a of ${ofA.port}`);
    proxy.cluster().drainEndpoint(a.address, false);
    expect((await reload(shapeOf([a.address]))).ok).to.equal(true);
    expect(await ofA.ask('3')).to.equal('a 3');
    expect(proxy.log.join('')).not.to.contain('dropped');
  });

  it('drops datagrams of further clients at udp.maxSessions, and says so', async () => {
    const proxy = await starting({ maxSessions: 2 }, [await replica('a')]);
    const clients = await Promise.all([1, 2, 3].map(() => client(proxy.target())));
    for (const one of clients.slice(0, 2)) await one.ask('x');
    clients[2].send('dropped');
    expect(await clients[0].ask('y')).to.equal('a y');
    const metrics = await (await fetch(`${proxy.adminUrl}/metrics`)).text();
    expect(metrics).to.contain(
      'outrigger_udp_dropped_total{outrigger_listener="in",outrigger_reason="session_limit"} 1\n',
    );
    expect(metrics).to.contain('outrigger_udp_sessions_active{outrigger_listener="in"} 2\n');
    expect(metrics).to.match(
      /outrigger_udp_datagrams_total\{outrigger_listener="in",outrigger_direction="response"\} 3\n/,
    );
    expect(proxy.log.join('')).to.contain(
      'datagram of a new client dropped: the listener is at its limit (udp.maxSessions) listener=in',
    );
  });

  it('shows a session in the access log, /listeners, /clusters and the recent calls', async () => {
    const log = join(tmpdir(), `outrigger-udp-${process.pid}.log`);
    defer(() => rmSync(log, { force: true }));
    const a = await replica('a');
    const proxy = await sidecar(
      shapeOf([a.address], { responses: 1 }, {}, { telemetry: { accessLog: { to: `file:${log}` } } }),
    );
    const one = await client(proxy.target());
    await one.ask('hello');
    await until(
      () => proxy.calls().length === 1,
      () => 'no session ended',
    );
    const get = async (path: string) => (await fetch(`${proxy.adminUrl}/${path}`)).text();
    expect(await get('listeners')).to.match(/in +127.0.0.1:\d+ +outbound +udp +0 +0 +1/);
    expect(await get('clusters')).to.contain(a.address);
    expect(await get(`explain/${proxy.calls()[0].id}`)).to.match(/UDP session ended over after .*\n/);
    await until(
      () => readFileSync(log, 'utf8').endsWith('\n'),
      () => 'no line',
    );
    const line = JSON.parse(readFileSync(log, 'utf8')) as Record<string, unknown>;
    expect(line).to.include({
      listener: 'in',
      cluster: 'echo',
      endpoint: a.address,
      client: `127.0.0.1:${one.port}`,
      method: 'UDP',
      endedBy: 'upstream',
      requestBytes: 5,
      responseBytes: 7,
      requestDatagrams: 1,
      responseDatagrams: 1,
    });
    expect(line).not.to.have.any.keys('path', 'status', 'authority');
  });

  it('begins no session while it drains, and serves those it has', async () => {
    const proxy = await starting({ responses: 1 }, [await replica('a')]);
    const [old, fresh] = [await client(proxy.target()), await client(proxy.target())];
    const slow = await replica('slow');
    slow.delayMs = 200;
    const one = await sidecar(
      shapeOf([slow.address], { responses: 1 }, {}, { drain: { grace: '20s', goawayDelay: '0s' } }),
    );
    const waiting = await client(one.target());
    const late = await client(one.target());
    waiting.send('x');
    await until(
      () => slow.received.length === 1,
      () => 'the replica has nothing',
    );
    const stopped = one.stop();
    await until(
      () => one.app.lifecycle.isClosing,
      () => 'it does not drain',
    );
    late.send('y');
    expect(String(await waiting.next())).to.equal('slow x');
    const result = await stopped;
    expect([result.cut, result.finished]).to.deep.equal([0, 1]);
    expect(slow.received).to.deep.equal(['x']);
    expect(await old.ask('1')).to.equal('a 1');
    expect(await fresh.ask('2')).to.equal('a 2');
  });

  it('applies other settings and endpoints to a running listener', async () => {
    const [a, b] = [await replica('a'), await replica('b')];
    const { proxy, reload } = await startReloadable(sidecar, shapeOf([a.address], { maxSessions: 1 }));
    const [one, two] = [await client(proxy.target()), await client(proxy.target())];
    await one.ask('x');
    const outcome = await reload(shapeOf([a.address], { maxSessions: 2 }));
    expect(outcome.ok && outcome.changes).to.deep.equal(['changed listener in']);
    expect(await two.ask('y')).to.equal('a y');
    // Another cluster of the same name: its sessions begin anew with their next datagram.
    await reload(shapeOf([b.address], { maxSessions: 4, idleTimeout: '200ms' }, { outlier: 'none' }));
    expect(await one.ask('z')).to.equal('b z');
    await until(
      () => proxy.log.join('').includes('cluster removed'),
      () => 'the old cluster stays',
    );
  });

  it('serves TCP and UDP on one port, and closes what a reload takes away', async () => {
    const a = await replica('a');
    const shape = shapeOf([a.address]);
    const listen = `127.0.0.1:${await freePorts(1)}`;
    const udp = { ...shape.listeners![0], listen };
    const tcp = { name: 'tcp', listen, protocol: 'tcp', cluster: 'raw' };
    const raw = { name: 'raw', protocol: 'tcp', health: 'none', endpoints: [{ address: a.address }] };
    const drain = { grace: '100ms', goawayDelay: '0s' };
    const { proxy, reload } = await startReloadable(sidecar, { ...shape, listeners: [udp], drain });
    const one = await client(listen);
    await one.ask('x');
    const both = { listeners: [udp, tcp], clusters: [...shape.clusters!, raw], drain };
    const added = await reload(both);
    expect(added.ok && added.changes).to.deep.equal(['new cluster raw', 'new listener tcp']);
    expect(await one.ask('y')).to.equal('a y');
    const taken = await reload({ ...both, listeners: [tcp] });
    expect(taken.ok && taken.changes).to.include('removed listener in');
    await until(
      () => proxy.log.join('').includes('listener removed: 1 request terminated'),
      () => 'the listener stays',
    );
    expect(proxy.app.listenerAddress('tcp')).to.include({ port: Number(listen.split(':')[1]) });
    // Nobody has the port any more.
    await (await startUdpReplica('another', Number(listen.split(':')[1]))).kill();
  });
});
