import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import { validate } from '../../src/cli/validate.ts';
import { loadConfig } from '../../src/config/load.ts';
import { formatAddress } from '../../src/core/address.ts';
import { startHttpCollector } from '../integration/telemetry-collector.ts';
import { startExampleDns, startExampleEcho } from '../support/example-servers.ts';
import { type Program, startProgram } from '../support/sidecar.ts';
import { freeAddresses } from '../support/sidecar-process.ts';
import { until } from '../support/until.ts';
import { exampleFiles, examplesFolder, examplesRig, exampleText } from './examples-rig.ts';
import { rig } from './rig.ts';

const { status } = grpc;

describe('examples', () => {
  const base = rig();
  const { greeter, client, defer } = base;
  const { folder, env, read, adapted, start, greeters, web, tlsFront, replicasOf, sayHelloOverTls } =
    examplesRig(base);

  /** What each example claims. An example that cannot start here says why. */
  const claims: Record<
    string,
    ((this: Mocha.Context) => Promise<void>) | { readonly onlyValidated: string }
  > = {
    'quick-start.yaml': async () => {
      const command = /run (--from \S+ --to \S+)$/m.exec(exampleText('quick-start.yaml'))![1].split(' ');
      const load = (flags: object) => loadConfig({ flags, env: {}, checkRegex: () => undefined }).config;
      const ofFlags = load({ from: command[1], to: [command[3]] });
      expect(ofFlags).to.deep.equal(load({ config: join(examplesFolder, 'quick-start.yaml') }));
      const [a, b] = await greeters('a', 'b');
      const proxy = await start('quick-start.yaml', {
        '127.0.0.1:50051': a.address,
        '127.0.0.1:50052': b.address,
      });
      for (const one of [a, b]) one.delayMs = 50;
      const caller = client(proxy.target());
      const results = await Promise.all(Array.from({ length: 30 }, () => caller.sayHello('x')));
      expect(results.filter(({ code }) => code !== status.OK)).to.deep.equal([]);
      expect(b.calls).to.be.greaterThan(a.calls);
    },
    'outrigger.yaml': async () => {
      const [a, b] = await greeters('a', 'b');
      const proxy = await start('outrigger.yaml', {
        '127.0.0.1:50051': a.address,
        '127.0.0.1:50052': b.address,
      });
      expect(await replicasOf(proxy, 40)).to.deep.equal(['a', 'b']);
      expect((await fetch(proxy.adminUrl)).status).to.equal(200);
    },
    'tls.yaml': async () => {
      const replica = await greeter();
      const proxy = await start('tls.yaml', { '127.0.0.1:50061': await tlsFront(replica, false) });
      expect(await sayHelloOverTls(proxy, grpc.credentials.createSsl(read('ca.pem')))).to.equal(status.OK);
      const { code } = await client(proxy.target()).sayHello('in plaintext');
      expect([code, replica.calls]).to.deep.equal([status.UNAVAILABLE, 1]);
    },
    'mtls.yaml': async () => {
      const replica = await greeter();
      const proxy = await start('mtls.yaml', { '127.0.0.1:50062': await tlsFront(replica, true) });
      const [host, port] = proxy.target().split(':');
      const bare = connectTls({ host, port: Number(port), ca: read('ca.pem'), servername: 'localhost' });
      bare.resume();
      const [refused] = (await once(bare, 'error')) as [Error];
      expect(refused.message).to.contain('certificate required');
      expect(replica.calls).to.equal(0);
      const credentials = grpc.credentials.createSsl(read('ca.pem'), read('client.key'), read('client.pem'));
      expect(await sayHelloOverTls(proxy, credentials)).to.equal(status.OK);
      expect(replica.calls).to.equal(1);
    },
    'retries.yaml': async () => {
      const [good, bad] = await greeters('good', 'bad');
      bad.failure = { code: status.UNAVAILABLE, details: 'fails' };
      const proxy = await start('retries.yaml', {
        '127.0.0.1:50051': good.address,
        '127.0.0.1:50054': bad.address,
      });
      expect(await replicasOf(proxy, 30)).to.deep.equal(['good']);
      expect(bad.calls).to.be.greaterThan(0);
    },
    'hedging.yaml': async () => {
      const [quick, slow] = await greeters('quick', 'slow');
      slow.delayMs = 20_000;
      const proxy = await start('hedging.yaml', {
        '127.0.0.1:50051': quick.address,
        '127.0.0.1:50055': slow.address,
      });
      expect(await replicasOf(proxy, 30)).to.deep.equal(['quick']);
      expect(slow.calls).to.be.greaterThan(0);
    },
    'rate-limit.yaml': async () => {
      const [replica] = await greeters('a');
      const proxy = await start('rate-limit.yaml', { '127.0.0.1:50051': replica.address });
      await replicasOf(proxy, 5, [['x-api-key', 'ada']]);
      const caller = client(proxy.target());
      const codeOf = async (key: string) =>
        (await caller.sayHello('x', { metadata: [['x-api-key', key]] })).code;
      expect(await codeOf('ada')).to.equal(status.RESOURCE_EXHAUSTED);
      expect(await codeOf('grace')).to.equal(status.OK);
    },
    'faults.yaml': async () => {
      const [replica] = await greeters('a');
      const proxy = await start('faults.yaml', { '127.0.0.1:50051': replica.address });
      const caller = client(proxy.target());
      const { code, details } = await caller.sayHello('x', { metadata: [['x-fault', 'abort']] });
      expect([code, replica.calls]).to.deep.equal([status.UNAVAILABLE, 0]);
      expect(details).to.contain('[fault_injected]');
      await replicasOf(proxy, 1);
      const startMs = performance.now();
      await replicasOf(proxy, 1, [['x-fault', 'delay']]);
      expect(performance.now() - startMs).to.be.greaterThan(190);
    },
    'routing.yaml': async () => {
      const [a, b] = await greeters('a', 'b');
      const [api, apiV2] = await web('api', 'api-v2');
      const proxy = await start('routing.yaml', {
        '127.0.0.1:50051': a.address,
        '127.0.0.1:50052': b.address,
        '127.0.0.1:8080': api.address,
        '127.0.0.1:8081': apiV2.address,
      });
      const body = async (path: string, init?: RequestInit) =>
        (await (await fetch(`http://${proxy.target()}${path}`, init)).text()).trim();
      await replicasOf(proxy, 1);
      expect(a.calls + b.calls).to.equal(1);
      expect(await body('/api/items')).to.equal('api');
      expect(await body('/api/items', { headers: { 'x-version': '2' } })).to.equal('api-v2');
      expect(await body('/apiary', { method: 'POST' })).to.contain('[no_route]');
    },
    'canary.yaml': async () => {
      const [a, b, canary] = await greeters('a', 'b', 'canary');
      const proxy = await start('canary.yaml', {
        '127.0.0.1:50051': a.address,
        '127.0.0.1:50052': b.address,
        '127.0.0.1:50053': canary.address,
      });
      expect(await replicasOf(proxy, 5, [['x-canary', '1']])).to.deep.equal(['canary']);
      expect(await replicasOf(proxy, 40)).to.deep.equal(['a', 'b']);
    },
    'http1-websocket.yaml': async () => {
      const [a, b] = await web('a', 'b');
      const proxy = await start('http1-websocket.yaml', {
        '127.0.0.1:8080': a.address,
        '127.0.0.1:8081': b.address,
      });
      for (let i = 0; i < 6; i++) await (await fetch(`http://${proxy.target()}/`)).text();
      expect([a.requests, b.requests]).to.deep.equal([3, 3]);
      const socket = new WebSocket(`ws://${proxy.target()}/echo`);
      const closed = new Promise((resolve) => socket.addEventListener('close', resolve, { once: true }));
      const echoed = new Promise((resolve, reject) => {
        socket.onmessage = ({ data }) => resolve(data);
        socket.onerror = () => reject(new Error('the WebSocket failed'));
        socket.onopen = () => socket.send('hello');
      });
      expect(await echoed).to.equal('hello');
      socket.close();
      await closed;
    },
    'dns.yaml': async () => {
      const servers = await Promise.all(['a', 'b'].map((name) => startExampleDns(name)));
      let running = servers;
      defer(() => Promise.all(running.map((server) => server.close())));
      const proxy = await start('dns.yaml', {
        '127.0.0.1:9053': servers[0].address,
        '127.0.0.1:9054': servers[1].address,
      });
      const ask = async (): Promise<string> => {
        const resolver = new Resolver({ timeout: 1000, tries: 5 });
        resolver.setServers([proxy.target('dns')]);
        return (await resolver.resolveTxt('server.example')).flat().join();
      };
      const names: string[] = [];
      for (let i = 0; i < 10; i++) names.push(await ask());
      expect([...new Set(names)].sort()).to.deep.equal(['a', 'b']);
      running = [servers[1]];
      await servers[0].close();
      for (let i = 0; i < 10; i++) expect(await ask()).to.equal('b');
      const { port, hostname } = new URL(`tcp://${proxy.target('dns-tcp')}`);
      const socket = connect(Number(port), hostname);
      defer(() => socket.destroy());
      const query = Buffer.from('0000010000010000000000000473657276076578616d706c650000100001', 'hex');
      socket.write(Buffer.concat([Buffer.of(0, query.length), query]));
      const [answer] = (await once(socket, 'data')) as [Buffer];
      expect(answer.toString('latin1')).to.match(/b$/);
    },
    'tcp.yaml': async () => {
      const [a, b] = await Promise.all([startExampleEcho(), startExampleEcho()]);
      for (const server of [a, b]) defer(() => server.close());
      const proxy = await start('tcp.yaml', { '127.0.0.1:9001': a.address, '127.0.0.1:9002': b.address });
      const [host, port] = proxy.target().split(':');
      for (let i = 0; i < 4; i++) {
        const socket = connect(Number(port), host);
        socket.on('error', () => {});
        const echoed = new Promise((resolve) => socket.once('data', (bytes) => resolve(String(bytes))));
        socket.write('hello');
        expect(await echoed).to.equal('hello');
        defer(() => socket.destroy());
      }
      const targets = proxy.cluster().all();
      expect(targets.map(({ active }) => active)).to.deep.equal([2, 2]);
    },
    'kubernetes.yaml': {
      onlyValidated: 'the name of its Service has addresses in a Kubernetes cluster only',
    },
    'health-checks.yaml': async () => {
      const [a, b] = await greeters('a', 'b');
      const [c, d] = await web('c', 'd');
      const proxy = await start('health-checks.yaml', {
        '127.0.0.1:50051': a.address,
        '127.0.0.1:50052': b.address,
        '127.0.0.1:8080': c.address,
        '127.0.0.1:8081': d.address,
      });
      a.health = 'NOT_SERVING';
      c.healthy = false;
      const endpoints = [a, c].map(({ address }) => proxy.endpoint(address));
      await until(
        () => endpoints.every((endpoint) => endpoint.unusableBecause !== ''),
        () => 'an endpoint is still healthy',
      );
      const requests = c.requests;
      expect(await replicasOf(proxy, 10)).to.deep.equal(['b']);
      for (let i = 0; i < 5; i++) await (await fetch(`http://${proxy.target()}/`)).text();
      expect(c.requests).to.equal(requests);
    },
    'tracing.yaml': async () => {
      const collector = await startHttpCollector();
      defer(() => collector.close());
      const [a, b] = await greeters('a', 'b');
      const proxy = await start('tracing.yaml', {
        'http://127.0.0.1:4318': collector.url,
        '127.0.0.1:50051': a.address,
        '127.0.0.1:50052': b.address,
      });
      await replicasOf(proxy, 1);
      await proxy.stop();
      const [server, attempt] = [2, 3].map((kind) => collector.spans.find((span) => span.kind === kind)!);
      expect(collector.resource['service.name']).to.equal('greeter-sidecar');
      expect(attempt.parentSpanId).to.equal(server.spanId);
      expect(collector.metrics.length).to.be.greaterThan(0);
    },
    'sticky-sessions.yaml': async () => {
      const [a, b] = await web('a', 'b');
      const proxy = await start('sticky-sessions.yaml', {
        '127.0.0.1:8080': a.address,
        '127.0.0.1:8081': b.address,
      });
      const get = (cookie?: string) =>
        fetch(`http://${proxy.target()}/`, { headers: cookie ? { cookie } : {} });
      const first = await get();
      const name = await first.text();
      const [cookie] = first.headers.getSetCookie()[0].split(';');
      for (let i = 0; i < 10; i++) expect(await (await get(cookie)).text()).to.equal(name);
      const others = new Set<string>();
      for (let i = 0; i < 40; i++) others.add(await (await get()).text());
      expect(others.size).to.equal(2);
    },
    'drain-handover.yaml': handsOver,
    'admin-probes.yaml': async () => {
      const [replica] = await greeters('a');
      const proxy = await start('admin-probes.yaml', {
        '127.0.0.1:50051': replica.address,
        '0.0.0.0:15020': '127.0.0.1:0',
      });
      const probes = `http://${formatAddress(proxy.app.admin.probesAddress!)}`;
      const statuses = await Promise.all(
        ['/ready', '/live', '/metrics', '/config_dump'].map(
          async (path) => (await fetch(probes + path)).status,
        ),
      );
      expect(statuses).to.deep.equal([200, 200, 200, 404]);
    },
    'etcd.yaml': async () => {
      const members = await greeters('a', 'b', 'c');
      const [a, b, c] = members.map(({ address }) => address);
      const proxy = await start('etcd.yaml', {
        '127.0.0.1:2379': a,
        '127.0.0.1:22379': b,
        '127.0.0.1:32379': c,
      });
      expect(await replicasOf(proxy, 60)).to.have.length(3);
    },
  };

  /** Two processes with the same file: the second takes over, and a client loses no call. */
  async function handsOver(this: Mocha.Context): Promise<void> {
    // SO_REUSEPORT, as docs/admin.md says.
    if (!['linux', 'freebsd'].includes(process.platform)) this.skip();
    const [a, b] = await greeters('a', 'b');
    const [listen, admin] = await freeAddresses(2);
    const file = join(folder(), 'drain-handover.yaml');
    const text = adapted('drain-handover.yaml', {
      '127.0.0.1:15001': listen,
      '127.0.0.1:50051': a.address,
      '127.0.0.1:50052': b.address,
    });
    writeFileSync(file, text);
    const startOne = (): Program => {
      const program = startProgram(['run', '--config', file, '--admin', admin]);
      defer(async () => {
        program.signal('SIGKILL');
        await program.exit;
      });
      return program;
    };
    const old = startOne();
    await old.said(/admin page/);
    const caller = client(listen);
    const next = startOne();
    await next.said(/waiting for its sidecar to start draining/);
    expect((await caller.sayHello('x')).code).to.equal(status.OK);
    old.signal('SIGINT'); // Ctrl-C, which skips drain.delay
    expect(await old.exit).to.equal(0);
    expect(old.stderr).to.match(/drained: 0 requests terminated/);
    expect((await caller.sayHello('x')).code).to.equal(status.OK);
    expect(next.exited).to.equal(false);
  }

  it('each file has an entry in the table of claims, and each entry a file', () => {
    expect(exampleFiles.length).to.be.greaterThan(10);
    expect(Object.keys(claims).sort()).to.deep.equal(exampleFiles);
  });

  it('each file is in the index', () => {
    const index = exampleText('README.md');
    expect(exampleFiles.filter((file) => !index.includes(`](${file})`))).to.deep.equal([]);
    const named = [...index.matchAll(/\]\(([\w.-]+\.yaml)\)/g)].map(([, file]) => file);
    expect(named.filter((file) => !exampleFiles.includes(file))).to.deep.equal([]);
  });

  for (const file of exampleFiles) {
    it(`${file} opens with what it shows, how to run it and what to see, and is valid without a warning`, async () => {
      const [opening] = exampleText(file).split(/\n(?!#)/);
      const config = `--config examples/${file}`;
      expect(opening)
        .to.match(/^# [A-Z][^\n]+/)
        .and.contain('\n# Run: ')
        .and.contain('\n# See: ')
        .and.contain(config);
      let written = '';
      const out = { write: (text: string) => (written += text) };
      const flags = { config: join(examplesFolder, file) };
      const code = await validate({ flags, output: 'text' }, { stdout: out, stderr: out }, env());
      expect(written).to.match(/^[^\n]* is valid: [^\n]*\n$/);
      expect(code).to.equal(0);
    });
    const claim = claims[file];
    if (typeof claim === 'function') it(`${file} does what it claims`, claim);
  }
});
