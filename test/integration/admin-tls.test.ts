import { once } from 'node:events';
import { request as tlsRequest } from 'node:https';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { expect } from 'chai';
import { type AdminRig, startAdminRig } from '../support/admin-rig.ts';
import { localhostCertificate, localhostKey } from '../unit/health/localhost-certificate.ts';

describe('admin over TLS', () => {
  let rig: AdminRig;
  const tls = { cert: localhostCertificate, key: localhostKey };
  afterEach(() => rig.close());
  const ask = (method: string, path: string, client: object = {}) =>
    new Promise<{ status: number; body: string }>((resolve, reject) => {
      const options = {
        host: '127.0.0.1',
        servername: 'localhost',
        port: rig.port,
        method,
        path,
        agent: false,
      };
      const asking = tlsRequest({ ...options, ca: localhostCertificate, ...client }, (reply) => {
        let body = '';
        reply.on('data', (chunk) => {
          body += chunk;
        });
        reply.on('end', () => resolve({ status: reply.statusCode ?? 0, body }));
      });
      asking.on('error', reject).end();
    });

  it('a client certificate of clientCa is as good as a token; none, or another, is not', async () => {
    const requiring = { ...tls, ca: localhostCertificate, requestCert: true, rejectUnauthorized: false };
    rig = await startAdminRig(undefined, {
      security: () => ({ token: null, tls: requiring }),
      isLocalPeer: () => false,
    });
    expect(rig.admin.usesTls).to.equal(true);
    expect((await ask('GET', '/ready')).status, 'no certificate').to.equal(200);
    expect((await ask('GET', '/clusters')).status).to.equal(403);
    expect((await ask('POST', '/drain')).body).to.equal(
      'Refused: a request of another machine needs a client certificate of admin.tls.clientCa.\n',
    );
    expect(rig.proxy.asked).to.not.include('drain');
    expect((await ask('GET', '/clusters', tls)).status).to.equal(200);
    expect((await ask('POST', '/drain', tls)).status).to.equal(200);
  });

  it('a certificate that clientCa did not issue lets nobody in', async () => {
    // The authority is another one than the certificate of the client, which is its own.
    const requiring = { ...tls, ca: [], requestCert: true, rejectUnauthorized: false };
    rig = await startAdminRig(undefined, {
      security: () => ({ token: null, tls: requiring }),
      isLocalPeer: () => false,
    });
    expect((await ask('POST', '/drain', tls)).status).to.equal(403);
    expect((await ask('GET', '/clusters', tls)).status).to.equal(403);
  });

  it('another clientCa counts from the renewal on, for new connections', async () => {
    let ca: string | string[] = [];
    rig = await startAdminRig(undefined, {
      security: () => ({ token: null, tls: { ...tls, ca, requestCert: true, rejectUnauthorized: false } }),
      isLocalPeer: () => false,
    });
    expect((await ask('GET', '/clusters', tls)).status).to.equal(403);
    ca = localhostCertificate;
    rig.admin.renew();
    expect((await ask('GET', '/clusters', tls)).status).to.equal(200);
    ca = [];
    rig.admin.renew();
    expect((await ask('GET', '/clusters', tls)).status).to.equal(403);
  });

  it('another clientCa counts for connections that are open, and for sessions that are resumed', async () => {
    let ca: string | string[] = localhostCertificate;
    rig = await startAdminRig(undefined, {
      security: () => ({ token: null, tls: { ...tls, ca, requestCert: true, rejectUnauthorized: false } }),
      isLocalPeer: () => false,
    });
    const open = async (session?: Buffer): Promise<TLSSocket> => {
      const socket = tlsConnect({
        port: rig.port,
        host: '127.0.0.1',
        servername: 'localhost',
        ...tls,
        ca: localhostCertificate,
        session,
      });
      await once(socket, 'secureConnect');
      return socket;
    };
    const answer = async (socket: TLSSocket): Promise<string> => {
      socket.write('GET /clusters HTTP/1.1\r\nhost: localhost\r\n\r\n');
      let text = '';
      while (!text.includes('\r\n\r\n')) text += String((await once(socket, 'data'))[0]);
      return text;
    };
    const kept = await open();
    const ticket = once(kept, 'session');
    expect(await answer(kept)).to.match(/^HTTP\/1\.1 200/);
    const [session] = (await ticket) as [Buffer];
    ca = [];
    rig.admin.renew();
    const refused = await answer(kept);
    expect(refused).to.match(/^HTTP\/1\.1 403/);
    expect(refused).to.match(/^connection: close\r$/im);
    const resumed = await open(session);
    expect(await answer(resumed)).to.match(/^HTTP\/1\.1 403/);
    for (const socket of [kept, resumed]) socket.destroy();
  });

  it('TLS alone lets other machines read and change nothing', async () => {
    rig = await startAdminRig(undefined, {
      security: () => ({ token: null, tls }),
      isLocalPeer: () => false,
    });
    expect((await ask('GET', '/clusters')).status).to.equal(200);
    expect((await ask('POST', '/drain', tls)).status).to.equal(403);
  });
});
