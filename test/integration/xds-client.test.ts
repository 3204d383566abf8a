import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServerCredentials } from '@grpc/grpc-js';
import { expect } from 'chai';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { AdsClient } from '../../src/xds/client/ads-client.ts';
import { encodeSotwRequest } from '../../src/xds/client/discovery-request.ts';
import { openGrpcStream } from '../../src/xds/client/grpc-stream.ts';
import type { AdsSettings } from '../../src/xds/client/interface.ts';
import { responseBytesMax } from '../../src/xds/client/limits.ts';
import { typeUrls } from '../../src/xds/type-urls.ts';
import { newAuthority } from '../support/certificates.ts';
import { until } from '../support/until.ts';
import { adsSettings, decodeText, TextJudge } from '../support/xds-client-rig.ts';
import { ControlPlane } from '../support/xds-control-plane.ts';
import { deltaResponse, sotwResponse } from '../support/xds-messages.ts';
import { startXdsServer, type XdsServer } from '../support/xds-server.ts';

/** The client over real gRPC connections. It reconnects at once: the waits are tested in virtual time. */
const noWait = { next: () => 0, u32: () => 0, i32: () => 0 };

interface Running {
  readonly client: AdsClient;
  readonly judge: TextJudge;
}

describe('the ADS client over gRPC', () => {
  const open: Array<{ stop(): void }> = [];
  const serve = async (...args: Parameters<typeof startXdsServer>): Promise<XdsServer> => {
    const server = await startXdsServer(...args);
    open.push(server);
    return server;
  };
  const start = (settings: Partial<AdsSettings>): Running => {
    const judge = new TextJudge();
    const client = new AdsClient(
      { ...adsSettings, ...settings },
      {
        clock: systemClock,
        random: noWait,
        logger: silentLogger,
        openStream: openGrpcStream,
        decode: decodeText,
        judge: judge.judge,
      },
    );
    open.push(client);
    client.subscribe('cluster', 'all');
    client.start();
    return { client, judge };
  };
  const comesToHold = (judge: TextJudge, texts: Record<string, string>): Promise<void> =>
    until(
      () => JSON.stringify(judge.of('cluster')) === JSON.stringify(texts),
      () => `holds ${JSON.stringify(judge.of('cluster'))} and not ${JSON.stringify(texts)}`,
    );
  const comesToReport = (client: AdsClient, text: string): Promise<void> =>
    until(
      () => client.status.lastError.includes(text),
      () => `reports ${JSON.stringify(client.status)}`,
    );

  afterEach(() => {
    for (const one of open.splice(0)) one.stop();
  });

  for (const delta of [false, true]) {
    const variant = delta ? 'with delta' : 'in the state of the world';

    it(`gets changes, and resumes after a reset and a restart of the control plane ${variant}`, async () => {
      const plane = new ControlPlane(delta);
      plane.serve('cluster', { a: 'one' });
      const server = await serve(plane);
      const { client, judge } = start({ server: server.address, delta });
      await comesToHold(judge, { a: 'one' });
      expect(client.status).to.include({ connected: true, lastError: '' });
      server.reset();
      await until(
        () => client.status.streamsOpened === 2,
        () => JSON.stringify(client.status),
      );
      expect(client.status.lastError).to.equal('UNAVAILABLE: reset');
      plane.serve('cluster', { a: 'two' });
      await comesToHold(judge, { a: 'two' });
      server.stop();
      await until(
        () => !client.status.connected,
        () => 'still connected',
      );
      plane.serve('cluster', { a: 'three' });
      expect(judge.of('cluster')).to.deep.equal({ a: 'two' });
      await serve(plane, { listen: server.address });
      await comesToHold(judge, { a: 'three' });
    });

    it(`goes on after garbage and after a response that is too large ${variant}`, async () => {
      const plane = new ControlPlane(delta);
      plane.serve('cluster', { a: 'one' });
      const server = await serve(plane);
      const { client, judge } = start({ server: server.address, delta });
      await comesToHold(judge, { a: 'one' });
      server.sendRaw(Buffer.alloc(1000, 0xff));
      await comesToReport(client, 'the response is invalid');
      await until(
        () => client.status.connected,
        () => 'not connected again',
      );
      const message = delta ? deltaResponse : sotwResponse;
      const body = 'x'.repeat(1 << 20);
      const resources = Array.from({ length: responseBytesMax / (1 << 20) }, (_, i) => ({
        name: `${i}`,
        body,
      }));
      server.sendRaw(message({ typeUrl: typeUrls.cluster, version: '9', nonce: 'n', resources }));
      await comesToReport(client, '(responseBytesMax)');
      plane.serve('cluster', { b: 'two' });
      await comesToHold(judge, { a: 'one', b: 'two' });
    });
  }

  it('names what is wrong where the control plane has no delta ADS', async () => {
    const server = await serve(new ControlPlane(true), { methods: 'sotw' });
    const { client } = start({ server: server.address, delta: true });
    await comesToReport(client, 'set `xds.delta` to false');
  });

  it('names what is wrong where nobody listens, and connects when somebody does', async () => {
    const plane = new ControlPlane(false);
    plane.serve('cluster', { a: 'one' });
    const { address, stop } = await startXdsServer(plane);
    stop();
    const { client, judge } = start({ server: address });
    await comesToReport(client, 'ECONNREFUSED');
    expect(client.status.lastError).to.equal(`UNAVAILABLE: connect ECONNREFUSED ${address}`);
    expect(client.status.connected).to.equal(false);
    await serve(plane, { listen: address });
    await comesToHold(judge, { a: 'one' });
  });

  it('goes on where the peer is no gRPC server', async () => {
    const listener: Server = createServer((socket) => {
      socket.on('error', () => {}).resume();
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    open.push({ stop: () => void listener.close() });
    const address = listener.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const { client } = start({ server: `127.0.0.1:${port}` });
    await comesToReport(client, 'UNAVAILABLE');
  });

  it('reads nothing while it is paused, and loses nothing', async () => {
    const server = await serve(new ControlPlane(false));
    const messages = 40;
    const body = 'x'.repeat(100_000);
    const received: number[][] = [[], []];
    const streams = received.map((lengths, i) => {
      const stream = openGrpcStream(
        { ...adsSettings, server: server.address },
        {
          opened: () => {},
          received: (message) => {
            if (i === 0) stream.pause();
            lengths.push(message.length);
          },
          ended: () => {},
        },
      );
      open.push({ stop: () => stream.close() });
      return stream;
    });
    // Without a message the server does not see the stream.
    for (const stream of streams)
      stream.send(
        encodeSotwRequest({
          node: null,
          typeUrl: typeUrls.route,
          names: ['a'],
          version: '1',
          nonce: '',
          reason: '',
        }),
      );
    await until(
      () => server.streams.size === 2,
      () => `${server.streams.size} streams`,
    );
    for (let i = 0; i < messages; i++) server.sendRaw(Buffer.from(body.slice(0, 50_000 + i)));
    await until(
      () => received[1].length >= messages,
      () => `the other stream got ${received[1].length}`,
    );
    expect(received[0]).to.have.length(1);
    // Each one pauses it again.
    for (let i = 1; i < messages; i++) {
      streams[0].resume();
      await until(
        () => received[0].length === i + 1,
        () => `${received[0].length} messages and not ${i + 1}`,
      );
    }
    expect(received[0]).to.deep.equal(received[1]);
  });

  it('ends a stream whose peer reads no requests, with a limit of what waits', async () => {
    const sockets = new Set<Socket>();
    const listener: Server = createServer((socket) => void sockets.add(socket.on('error', () => {})));
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    open.push({
      stop() {
        for (const socket of sockets) socket.destroy();
        listener.close();
      },
    });
    const address = listener.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const reasons: string[] = [];
    const stream = openGrpcStream(
      { ...adsSettings, server: `127.0.0.1:${port}` },
      { opened: () => {}, received: () => {}, ended: (reason) => reasons.push(reason) },
    );
    for (let i = 0; i < 20; i++) stream.send(Buffer.alloc(1 << 20));
    expect(reasons).to.have.length(1);
    expect(reasons[0]).to.contain('(requestBytesQueuedMax)');
  });

  it('connects over a Unix socket', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'outrigger-xds-'));
    open.push({ stop: () => rmSync(dir, { recursive: true }) });
    const plane = new ControlPlane(false);
    plane.serve('cluster', { a: 'one' });
    const server = await serve(plane, { listen: `unix:${dir}/XDS` });
    const { judge } = start({ server: server.address });
    await comesToHold(judge, { a: 'one' });
  });

  describe('with TLS', () => {
    const authority = newAuthority();
    const other = newAuthority();
    let dir: string;
    beforeEach(() => {
      dir = mkdtempSync(join(tmpdir(), 'outrigger-xds-'));
    });
    afterEach(() => rmSync(dir, { recursive: true }));
    const file = (name: string, text: string): string => {
      writeFileSync(join(dir, name), text);
      return join(dir, name);
    };
    const secure = (names: readonly string[]): ServerCredentials => {
      const { cert, key } = authority.issue(names);
      const pair = { cert_chain: Buffer.from(cert), private_key: Buffer.from(key) };
      return ServerCredentials.createSsl(Buffer.from(authority.cert), [pair], true);
    };

    it('verifies the control plane, shows its own certificate, and reads renewed files for the next connection', async () => {
      const plane = new ControlPlane(false);
      plane.serve('cluster', { a: 'one' });
      const server = await serve(plane, { credentials: secure(['istiod.test']) });
      const good = authority.issue(['sidecar']);
      const bad = other.issue(['sidecar']);
      const tls = {
        ca: file('ca.pem', authority.cert),
        cert: file('cert.pem', bad.cert),
        key: file('key.pem', bad.key),
        serverName: 'istiod.test',
      };
      const { client, judge } = start({ server: server.address, tls });
      await until(
        () => client.status.streamsFailed > 0,
        () => 'the wrong certificate is accepted',
      );
      expect(judge.updates).to.deep.equal([]);
      file('cert.pem', good.cert);
      file('key.pem', good.key);
      await comesToHold(judge, { a: 'one' });
    });

    it('refuses a control plane that has another name', async () => {
      const server = await serve(new ControlPlane(false), { credentials: secure(['another.test']) });
      const { cert, key } = authority.issue(['sidecar']);
      const tls = {
        ca: file('ca.pem', authority.cert),
        cert: file('cert.pem', cert),
        key: file('key.pem', key),
        serverName: 'istiod.test',
      };
      const { client } = start({ server: server.address, tls });
      await comesToReport(client, 'istiod.test');
      expect(client.status.connected).to.equal(false);
    });

    it('names a file that is gone, and connects when it is back', async () => {
      const plane = new ControlPlane(false);
      plane.serve('cluster', { a: 'one' });
      const { cert, key } = authority.issue(['istiod.test']);
      const pair = { cert_chain: Buffer.from(cert), private_key: Buffer.from(key) };
      const credentials = ServerCredentials.createSsl(null, [pair], false);
      const server = await serve(plane, { credentials });
      const ca = join(dir, 'ca.pem');
      const { client, judge } = start({ server: server.address, tls: { ca, serverName: 'istiod.test' } });
      await comesToReport(client, 'ca.pem');
      file('ca.pem', authority.cert);
      await comesToHold(judge, { a: 'one' });
    });
  });
});
