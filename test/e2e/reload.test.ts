import { once } from 'node:events';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type PeerCertificate } from 'node:tls';
import { status } from '@grpc/grpc-js';
import { expect } from 'chai';
import type { ReloadOutcome } from '../../src/admin/deps.ts';
import { connectFrames, Type } from '../support/frame-peer.ts';
import { judgesRealTime } from '../support/real-time.ts';
import { type ConfigShape, greeterConfig, type Sidecar } from '../support/sidecar.ts';
import { freeAddresses } from '../support/sidecar-process.ts';
import { until } from '../support/until.ts';
import {
  localhostCertificate,
  localhostKey,
  rotatedCertificate,
  rotatedKey,
} from '../unit/health/localhost-certificate.ts';
import { startReloadable } from './reloadable.ts';
import { rig } from './rig.ts';

const { OK } = status;

describe('reload', function () {
  judgesRealTime(this, 'calls of 200 and 300 ms have to be in flight when a reload comes');
  const { greeter, sidecar, client: grpcClient, defer } = rig();

  const reloadable = (shape: ConfigShape) => startReloadable(sidecar, shape);
  function accepted(outcome: ReloadOutcome): readonly string[] {
    if (!outcome.ok) throw new Error(outcome.problems.join('\n'));
    return outcome.changes;
  }
  function refused(outcome: ReloadOutcome): readonly string[] {
    if (outcome.ok) throw new Error(`it was accepted: ${outcome.changes}`);
    return outcome.problems;
  }
  const info = async ({ adminUrl }: Sidecar) =>
    (await (await fetch(`${adminUrl}/server_info?format=json`)).json()) as {
      config: { version: number; reloads: number; refused: number; lastError: string };
    };

  it('a text that is as it was changes nothing, and says so', async () => {
    const replica = await greeter();
    const { proxy, reload } = await reloadable(greeterConfig([replica]));
    const cluster = proxy.cluster();
    expect(accepted(await reload(greeterConfig([replica])))).to.deep.equal([]);
    expect(proxy.cluster()).to.equal(cluster);
    expect((await info(proxy)).config).to.include({ version: 1, reloads: 1, refused: 0 });
  });

  it('routes change for the next call; a call in flight ends where it began; the connection stays', async () => {
    const [a, b] = [await greeter({ name: 'a', delayMs: 300 }), await greeter({ name: 'b' })];
    const clusters = [
      { name: 'a', endpoints: [{ address: a.address }] },
      { name: 'b', endpoints: [{ address: b.address }] },
    ];
    const to = (cluster: string): ConfigShape => ({
      listeners: [{ name: 'in', listen: '127.0.0.1:0', routes: [{ name: 'all', cluster }] }],
      clusters,
    });
    const { proxy, reload } = await reloadable(to('a'));
    const client = grpcClient(proxy.target());
    const target = proxy.target();
    const slow = client.unary({});
    await until(
      () => a.active === 1,
      () => 'the call has not begun',
    );
    expect(accepted(await reload(to('b')))).to.deep.equal(['changed listener in']);
    const next = await client.unary({});
    expect([next.code, next.replies[0]?.replica]).to.deep.equal([OK, 'b']);
    const first = await slow;
    expect([first.code, first.replies[0]?.replica]).to.deep.equal([OK, 'a']);
    expect(proxy.target()).to.equal(target);
    expect(proxy.app.config.listeners[0].routes[0].cluster).to.equal('b');
    const [{ connections }] = (await (await fetch(`${proxy.adminUrl}/listeners?format=json`)).json()) as {
      connections: number;
    }[];
    expect(connections, 'both calls came by one connection').to.equal(1);
  });

  it('weights change at once, and endpoints keep their counts and connections', async () => {
    const replicas = [await greeter({ name: 'a' }), await greeter({ name: 'b' })];
    const { proxy, reload } = await reloadable(
      greeterConfig(replicas, { balancer: { policy: 'round_robin' } }),
    );
    const client = grpcClient(proxy.target());
    for (let i = 0; i < 10; i++) expect((await client.sayHello('x')).code).to.equal(OK);
    const before = replicas.map(({ connections }) => connections);
    const endpoint = proxy.endpoint(replicas[0].address);
    expect(endpoint.total).to.equal(5);
    const weighted = replicas.map(({ address }, i) => ({ address, weight: i === 0 ? 9 : 1 }));
    expect(
      accepted(await reload(greeterConfig(weighted, { balancer: { policy: 'round_robin' } }))),
    ).to.deep.equal(['changed cluster greeter']);
    for (let i = 0; i < 10; i++) expect((await client.sayHello('x')).code).to.equal(OK);
    expect(proxy.endpoint(replicas[0].address)).to.equal(endpoint);
    expect(endpoint.total).to.equal(14);
    expect(replicas.map(({ connections }) => connections)).to.deep.equal(before);
  });

  it('a whole new set of replicas: no call fails, even one that comes at once', async () => {
    const old = [await greeter(), await greeter()];
    const { proxy, reload } = await reloadable(greeterConfig(old));
    const client = grpcClient(proxy.target());
    expect((await client.sayHello('x')).code).to.equal(OK);
    const fresh = [await greeter(), await greeter()];
    const reloaded = reload(greeterConfig(fresh));
    const calls = [client.sayHello('x')];
    accepted(await reloaded);
    for (let i = 0; i < 20; i++) calls.push(client.sayHello('x'));
    for (const { code, details } of await Promise.all(calls))
      expect([code, details]).to.deep.equal([OK, 'OK']);
    expect(fresh.reduce((sum, { calls }) => sum + calls, 0)).to.be.at.least(20);
    await until(
      () => old.every(({ openConnections }) => openConnections === 0),
      () => 'connections to what is gone are still open',
    );
  });

  it('other probes rebuild a cluster, which takes over once it is probed, with the counts of the old one', async () => {
    const replica = await greeter();
    const { proxy, reload } = await reloadable(greeterConfig([replica]));
    const client = grpcClient(proxy.target());
    expect((await client.sayHello('x')).code).to.equal(OK);
    const before = proxy.cluster();
    const changes = accepted(await reload(greeterConfig([replica], { health: { interval: '100ms' } })));
    expect(changes).to.deep.equal(['rebuilt cluster greeter']);
    expect(proxy.cluster()).not.to.equal(before);
    expect(proxy.endpoint(replica.address).total).to.equal(1);
    expect((await client.sayHello('x')).code).to.equal(OK);
    await until(
      () => before.all()[0].pool.connections === 0,
      () => 'the old cluster still has connections',
    );
  });

  it('a listener comes, a listener goes: the one that goes says GOAWAY and finishes its calls', async () => {
    const replica = await greeter({ delayMs: 200 });
    const routes = [{ name: 'all', cluster: 'greeter' }];
    const shape = greeterConfig([replica]);
    const first = { name: 'in', listen: '127.0.0.1:0', routes };
    const second = { name: 'second', listen: '127.0.0.1:0', routes };
    const { proxy, reload } = await reloadable(shape);
    expect(accepted(await reload({ ...shape, listeners: [first, second] }))).to.deep.equal([
      'new listener second',
    ]);
    const target = proxy.target('second');
    const client = grpcClient(target);
    const frames = await connectFrames(target);
    defer(() => frames.socket.destroy());
    const slow = client.sayHello('x');
    await until(
      () => replica.active === 1,
      () => 'the call has not begun',
    );
    expect(accepted(await reload({ ...shape, listeners: [first] }))).to.deep.equal([
      'removed listener second',
    ]);
    expect((await slow).code).to.equal(OK);
    await until(
      () => frames.of(Type.Goaway).length > 0,
      () => 'no GOAWAY',
    );
    const late = connect(Number(target.split(':')[1]), '127.0.0.1');
    const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).to.equal('ECONNREFUSED');
    expect((await grpcClient(proxy.target('in')).sayHello('x')).code).to.equal(OK);
    await until(
      () => proxy.log.some((line) => line.includes('listener removed: 0 requests terminated, 1 finished')),
      () => proxy.log.join(''),
    );
  });

  it('limits of a listener count for connections that come after it', async () => {
    const replica = await greeter();
    const shape = greeterConfig([replica]);
    const { proxy, reload } = await reloadable(shape);
    const streamsMax = async (): Promise<number | undefined> => {
      const frames = await connectFrames(proxy.target());
      defer(() => frames.socket.destroy());
      await until(
        () => frames.of(Type.Settings).length > 0,
        () => 'no SETTINGS',
      );
      const { payload } = frames.of(Type.Settings)[0];
      for (let at = 0; at < payload.length; at += 6)
        if (payload.readUInt16BE(at) === 3) return payload.readUInt32BE(at + 2);
      return undefined;
    };
    expect(await streamsMax()).to.equal(1024);
    const limited = { ...shape.listeners![0], limits: { maxConcurrentStreams: 7 } };
    accepted(await reload({ ...shape, listeners: [limited] }));
    expect(await streamsMax()).to.equal(7);
  });

  it('applies the access log, the log format and the limits of the process to connections that are open', async () => {
    const replica = await greeter();
    const shape = greeterConfig([replica]);
    const { proxy, reload } = await reloadable(shape);
    const client = grpcClient(proxy.target());
    await client.sayHello('before');
    const directory = mkdtempSync(join(tmpdir(), 'outrigger-log-'));
    defer(() => rmSync(directory, { recursive: true }));
    const file = join(directory, 'access.log');
    const lines = () => readFileSync(file, 'utf8').split('\n').length - 1;
    const changes = accepted(
      await reload({
        ...shape,
        telemetry: { accessLog: { to: `file:${file}` }, redactQuery: ['name'] },
        limits: { bufferedBytes: '64MiB', memoryBytes: '8GiB' },
        log: { format: 'json' },
      }),
    );
    expect(changes).to.deep.equal(['changed telemetry', 'changed limits', 'changed log']);
    await client.sayHello('after');
    await until(
      () => lines() === 1,
      () => `the access log has ${lines()} lines`,
    );
    accepted(await reload(shape));
    await client.sayHello('again');
    expect(lines(), 'the access log is off again').to.equal(1);
  });

  describe('refused', () => {
    it('names every place and fix, and changes nothing', async () => {
      const replica = await greeter();
      const shape = greeterConfig([replica]);
      const { proxy, reload } = await reloadable(shape);
      const cluster = proxy.cluster();
      const text = [
        'listeners:',
        '  - { name: in, listen: 127.0.0.1:0, routes: [{ name: all, cluster: greter }] }',
        'clusters:',
        '  - { name: greeter, endpoints: [{ address: 127.0.0.1 }], polcy: x }',
      ].join('\n');
      const problems = refused(await reload(text));
      expect(problems).to.have.length(3);
      expect(problems[0]).to.match(
        /^outrigger.yaml:2:\d+ listeners\[0\].routes\[0\].cluster: "greter" .*write greeter$/,
      );
      expect(problems[1]).to.match(/^outrigger.yaml:4:\d+ clusters\[0\].endpoints\[0\].address: .*host:port/);
      expect(proxy.cluster()).to.equal(cluster);
      expect((await grpcClient(proxy.target()).sayHello('x')).code).to.equal(OK);
      const { config } = await info(proxy);
      expect(config).to.include({ version: 1, reloads: 0, refused: 1 });
      expect(config.lastError).to.contain('greter');
      const metrics = await (await fetch(`${proxy.adminUrl}/metrics`)).text();
      expect(metrics).to.match(/outrigger_config_reloads_total\{outrigger_outcome="refused"\} 1/);
      expect(metrics).to.match(/outrigger_config_last_reload_ok 0/);
    });

    it('a port that is taken: nothing of the rest is applied either', async () => {
      const replica = await greeter();
      const shape = greeterConfig([replica]);
      const { proxy, reload } = await reloadable(shape);
      const [listener] = shape.listeners!;
      const free = { ...listener, name: 'free' };
      const taken = { ...listener, name: 'taken', listen: replica.address };
      const problems = refused(
        await reload({
          ...greeterConfig([replica], { balancer: { policy: 'random' } }),
          listeners: [listener, free, taken],
          clusters: [
            { name: 'greeter', protocol: 'http2', discovery: { dns: { host: 'localhost', port: 1 } } },
          ],
        }),
      );
      expect(problems[0]).to.match(/listeners\[2\]\.listen: listener taken cannot listen on .* in use/);
      expect(proxy.app.config.listeners).to.have.length(1);
      expect(proxy.cluster().settings.balancer.policy).to.equal('least_request');
      expect(
        proxy
          .cluster()
          .all()
          .map(({ address }) => address),
      ).to.deep.equal([replica.address]);
    });

    it('a key that only a start can change, with its place', async () => {
      const replica = await greeter();
      const shape = greeterConfig([replica]);
      const { reload } = await reloadable(shape);
      const problems = refused(
        await reload({ ...shape, telemetry: { serviceName: 'other', traces: { ratio: 0.5 } } }),
      );
      expect(problems.join('\n')).to.match(
        /outrigger.yaml:1:\d+ telemetry.serviceName: was "outrigger" and is now "other", which requires a restart; restart, or leave it as it was/,
      );
      expect(problems.join('\n')).not.to.include('telemetry.traces.ratio');
    });

    it('while draining', async () => {
      const replica = await greeter();
      const shape = greeterConfig([replica]);
      const { proxy, reload } = await reloadable(shape);
      await proxy.stop();
      expect(refused(await reload(shape))).to.deep.equal(['the sidecar is draining']);
    });
  });

  it('SIGTERM while a reload warms up: the reload is refused, and what it began is gone', async () => {
    const replica = await greeter();
    const shape = greeterConfig([replica]);
    const { proxy, reload } = await reloadable(shape);
    const mute = createServer().listen(0, '127.0.0.1');
    await once(mute, 'listening');
    defer(() => mute.close());
    const [listen] = await freeAddresses(1);
    const outcome = reload({
      ...shape,
      listeners: [...shape.listeners!, { name: 'new', listen, routes: [{ name: 'all', cluster: 'mute' }] }],
      clusters: [
        ...shape.clusters!,
        { name: 'mute', endpoints: [{ address: `127.0.0.1:${(mute.address() as AddressInfo).port}` }] },
      ],
    });
    // Its first probe has come, so the reload waits for the answer.
    const [probe] = (await once(mute, 'connection')) as [Socket];
    probe.on('error', () => {}).resume();
    await proxy.stop();
    probe.destroy();
    expect(refused(await outcome)).to.deep.equal(['the sidecar is draining']);
    expect(await connectError(Number(listen.split(':')[1]))).to.equal('ECONNREFUSED');
  });

  it('certificates are reloaded; a key that does not match its certificate refuses all', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-e2e-'));
    defer(() => rmSync(folder, { recursive: true }));
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    const write = (file: string, text: string): void => {
      writeFileSync(`${file}.new`, text);
      renameSync(`${file}.new`, file);
    };
    write(cert, localhostCertificate);
    write(key, localhostKey);
    const replica = await greeter();
    const shape = greeterConfig([replica]);
    const withTls = { ...shape, listeners: [{ ...shape.listeners![0], tls: { cert, key } }] };
    const { proxy, reload } = await reloadable(withTls);
    const open = async () => {
      const port = Number(proxy.target().split(':')[1]);
      const socket = connectTls({
        host: '127.0.0.1',
        port,
        rejectUnauthorized: false,
        ALPNProtocols: ['h2'],
      });
      socket.on('error', () => {});
      defer(() => socket.destroy());
      await once(socket, 'secureConnect');
      return { socket, name: (socket.getPeerCertificate() as PeerCertificate).subject.CN };
    };
    const before = await open();
    expect(before.name).to.equal('localhost');
    write(cert, rotatedCertificate);
    expect(refused(await reload(withTls))[0]).to.match(
      /listeners\[0\]\.tls\.key: .* is not the key of the certificate/,
    );
    expect((await open()).name).to.equal('localhost');
    write(key, rotatedKey);
    expect(accepted(await reload(withTls))).to.deep.equal(['changed listener in']);
    expect((await open()).name).to.equal('second.test');
    expect(before.socket.destroyed, 'who was connected stays so').to.equal(false);
  });

  it('one after the other, whoever asks: the last text asked for is applied', async () => {
    const replicas = [await greeter(), await greeter()];
    const { proxy, reload } = await reloadable(greeterConfig(replicas));
    const policies = ['random', 'round_robin', 'random', 'least_request', 'round_robin'];
    await Promise.all(policies.map((policy) => reload(greeterConfig(replicas, { balancer: { policy } }))));
    expect(proxy.cluster().settings.balancer.policy).to.equal('round_robin');
    const client = grpcClient(proxy.target());
    for (let i = 0; i < 20; i++) expect((await client.sayHello('x')).code).to.equal(OK);
    // By lot it would come to this in 18 of 100 cases, by the load of one call at a time as seldom.
    expect(replicas.map(({ calls }) => calls)).to.deep.equal([10, 10]);
  });
});

/** The code with which connecting fails; empty where somebody listens. */
function connectError(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => socket.destroy());
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
    socket.once('close', () => resolve(''));
  });
}
