import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { expect } from 'chai';
import type { ApiAccess } from '../../src/discovery/kubernetes/access.ts';
import { HttpsApiServer } from '../../src/discovery/kubernetes/https-api-server.ts';
import { newAuthority } from '../support/certificates.ts';

const authority = newAuthority();

/** What a request led to, one word each. */
interface Outcome {
  readonly events: string[];
  readonly over: Promise<void>;
  cancel(): void;
}

describe('requests to a Kubernetes API server', () => {
  let server: Server;
  let answer: (asked: IncomingMessage, reply: ServerResponse) => void;

  beforeEach(async () => {
    const { cert, key } = authority.issue(['127.0.0.1', 'kubernetes']);
    server = createServer(
      { cert, key, ca: authority.cert, requestCert: true, rejectUnauthorized: false },
      (asked, reply) => answer(asked, reply),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });

  function get(changes: Partial<ApiAccess> = {}): Outcome {
    const access: ApiAccess = {
      isTls: true,
      host: '127.0.0.1',
      port: (server.address() as AddressInfo).port,
      basePath: '',
      ca: authority.cert,
      cert: undefined,
      key: undefined,
      serverName: undefined,
      token: 'secret',
      namespace: 'shop',
      ...changes,
    };
    const events: string[] = [];
    const { promise: over, resolve: settle } = Promise.withResolvers<void>();
    const cancel = new HttpsApiServer(async () => ({ value: access })).get((namespace) => `/n/${namespace}`, {
      head: (status, retryAfter) => void events.push(`head ${status} ${retryAfter}`.trim()),
      data: (chunk) => void events.push(`data ${chunk}`),
      end: () => {
        events.push('end');
        settle();
      },
      failed: (error) => {
        events.push(`failed ${error}`);
        settle();
      },
    });
    return { events, over, cancel };
  }

  it('carry the token, and relay the reply as it comes', async () => {
    let asked: IncomingMessage | undefined;
    answer = (request, reply) => {
      asked = request;
      reply.writeHead(429, { 'retry-after': '7' });
      reply.end('busy');
    };
    const { events, over } = get({ basePath: '/k8s' });
    await over;
    expect(events).to.deep.equal(['head 429 7', 'data busy', 'end']);
    expect(asked?.url).to.equal('/k8s/n/shop');
    expect(asked?.headers).to.include({ authorization: 'Bearer secret', accept: 'application/json' });
  });

  it('present a client certificate', async () => {
    answer = (asked, reply) => reply.end((asked.socket as TLSSocket).getPeerCertificate().subject.CN);
    const { events, over } = get({ ...authority.issue(['admin']), token: '' });
    await over;
    expect(events).to.include('data admin');
  });

  it('trust the CA that is given, for the name that is asked, and nothing else', async () => {
    answer = (_asked, reply) => reply.end();
    const failed = /^failed its certificate is not trusted \([A-Z_]+\); check the CA$/;
    for (const changes of [{ ca: newAuthority().cert }, { serverName: 'another' }, { ca: undefined }]) {
      const { events, over } = get(changes);
      await over;
      expect(events).to.have.length(1);
      expect(events[0]).to.match(failed);
    }
    const named = get({ serverName: 'kubernetes' });
    await named.over;
    expect(named.events).to.deep.equal(['head 200', 'end']);
  });

  it('fail where the reply ends in the middle, or nothing listens', async () => {
    answer = (_asked, reply) => {
      reply.writeHead(200, { 'content-length': '100' });
      reply.write('half', () => reply.destroy());
    };
    const half = get();
    await half.over;
    expect(half.events.slice(0, 2)).to.deep.equal(['head 200', 'data half']);
    expect(half.events[2]).to.match(/^failed /);
    const refused = get({ port: 1 });
    await refused.over;
    expect(refused.events).to.deep.equal(['failed connection refused']);
  });

  it('fail with certificates that are none, and with a token that would end a header', async () => {
    for (const changes of [{ cert: 'x', key: 'y' }, { token: 'a\r\nb: c' }]) {
      const { events, over } = get(changes);
      await over;
      expect(events).to.have.length(1);
      expect(events[0]).to.match(/^failed /);
    }
  });

  it('close their connection when they are cancelled', async () => {
    const { promise: closed, resolve: settle } = Promise.withResolvers<void>();
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    answer = (asked, reply) => {
      asked.socket.on('close', () => settle());
      reply.writeHead(200);
      reply.flushHeaders();
      begin();
    };
    const { cancel } = get();
    await begun;
    cancel();
    await closed;
  });
});
