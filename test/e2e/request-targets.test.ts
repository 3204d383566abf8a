import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import fc from 'fast-check';
import { say } from '../integration/http1-rig.ts';
import { connectRaw, grpcHead, type RawClient } from '../support/raw-http2.ts';
import type { Sidecar } from '../support/sidecar.ts';
import { rig } from './rig.ts';

/** What a client heard, and what reached which server. */
interface Verdict {
  readonly status: number;
  /** `guard /secret`, or '' where nothing was forwarded. */
  readonly reached: string;
}

describe('request targets', () => {
  const { sidecar, defer } = rig();
  let proxy: Sidecar;
  let clients: Map<string, RawClient>;

  /** An HTTP/1.1 server that answers with its name, the target and the host of each request. */
  async function echo(name: string) {
    const server = createServer((request, response) => {
      response.setHeader('x-reached', `${name} ${request.url}`);
      response.setHeader('x-host', request.headers.host ?? '');
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    defer(() => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    });
    const { port } = server.address() as AddressInfo;
    return { name, protocol: 'http1', health: 'none', endpoints: [{ address: `127.0.0.1:${port}` }] };
  }

  const listeners: Record<string, object> = {
    plain: {},
    off: { normalizePath: false },
    merging: { mergeSlashes: true },
    unescaping: { escapedSlashes: 'unescape', mergeSlashes: true },
    rejecting: { escapedSlashes: 'reject' },
    strict: { characters: 'rfc3986' },
  };

  beforeEach(async () => {
    proxy = await sidecar({
      clusters: [await echo('guard'), await echo('host'), await echo('rest')],
      listeners: Object.entries(listeners).map(([name, requestTarget]) => ({
        name,
        listen: '127.0.0.1:0',
        requestTarget,
        routes: [
          { name: 'secret', match: { pathPrefix: '/secret' }, cluster: 'guard' },
          { name: 'host', match: { authority: 'own.test' }, cluster: 'host' },
          { name: 'rest', cluster: 'rest' },
        ],
      })),
    });
    clients = new Map(Object.keys(listeners).map((name) => [name, connectRaw(proxy.target(name))]));
    defer(() => {
      for (const client of clients.values()) client.close();
    });
  });

  async function overHttp1(
    listener: string,
    target: string,
    host = 'a.test',
    method = 'GET',
  ): Promise<Verdict> {
    const port = Number(proxy.target(listener).split(':')[1]);
    const { text } = await say(
      port,
      Buffer.from(`${method} ${target} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`, 'latin1'),
    );
    return { status: Number(text.slice(9, 12)), reached: /^x-reached: (.*)\r$/im.exec(text)?.[1] ?? '' };
  }

  async function overHttp2(
    listener: string,
    path: string,
    authority = 'a.test',
    method = 'GET',
  ): Promise<Verdict> {
    const head = { ':method': method, ':scheme': 'http', ':authority': authority, ':path': path };
    const { headers, rstCode } = await clients.get(listener)!.request(head);
    // RFC 9113 section 8.1.1: a request that breaks the rules of HTTP/2 itself gets a stream error.
    const status = rstCode === 1 ? 400 : Number(headers[':status'] ?? 0);
    return { status, reached: String(headers['x-reached'] ?? '') };
  }

  async function both(listener: string, path: string, authority?: string, method?: string): Promise<Verdict> {
    const one = await overHttp1(listener, path, authority, method);
    expect(
      await overHttp2(listener, path, authority, method),
      `${listener} ${path} ${authority}`,
    ).to.deep.equal(one);
    return one;
  }

  const refused = { status: 400, reached: '' };

  it('lead to the route of their normal form, which is what is forwarded', async () => {
    for (const [listener, path, reached] of [
      ['plain', '/secret', 'guard /secret'],
      ['plain', '/x/../secret?a=/../b', 'guard /secret?a=/../b'],
      ['plain', '/%73ecret/%7e', 'guard /secret/~'],
      ['plain', '/x/%2e%2E/secret/.', 'guard /secret/'],
      ['plain', '/secret/../x', 'rest /x'],
      ['plain', '//secret', 'rest //secret'],
      ['plain', '/x%2f..%2fsecret', 'rest /x%2F..%2Fsecret'],
      ['off', '/x/../secret', 'rest /x/../secret'],
      ['off', '/%73ecret', 'rest /%73ecret'],
      ['merging', '//secret', 'guard /secret'],
      ['merging', '/x//../secret', 'guard /secret'],
      ['unescaping', '/x%2f..%5Csecret%2Fy', 'guard /secret/y'],
      ['strict', '/a;b=c?d=e', 'rest /a;b=c?d=e'],
    ])
      expect(await both(listener, path), path).to.deep.equal({ status: 200, reached });
  });

  it('are refused with any byte that no target has, and with more where that is configured', async () => {
    for (const path of [
      '/secret\xa0',
      '/caf\xc3\xa9',
      '/?\xff',
      '/a"b',
      '/<a>',
      '/a\\b',
      '/a{b}',
      '/a`b',
      '/%zz',
      '/a#b',
      '/a%',
    ])
      expect(await both('plain', path), path).to.deep.equal(refused);
    for (const path of ['/a|b', '/?a[]=1', '/?100%', '/?{}', '/[a]', '/?a\\b']) {
      expect(await both('plain', path), path).to.deep.equal({ status: 200, reached: `rest ${path}` });
      expect(await both('strict', path), path).to.deep.equal(refused);
    }
    for (const path of ['/x%2fy', '/x%5Cy']) expect(await both('rejecting', path)).to.deep.equal(refused);
  });

  it('name one host, which is compared without letter case and its last dot', async () => {
    for (const authority of ['own.test', 'OWN.test.', 'own.test:80', 'own.test.:080'])
      expect(await both('plain', '/', authority), authority).to.deep.equal({
        status: 200,
        reached: 'host /',
      });
    for (const authority of [
      'own.test:80:90',
      'own.test,b',
      'own.test:99999',
      'u@own.test',
      '[::1',
      '[a]',
      'a%',
      'own.test\xa0',
    ])
      expect(await both('plain', '/', authority), authority).to.deep.equal(refused);
    expect(await both('plain', '/', '[::1]:80')).to.deep.equal({ status: 200, reached: 'rest /' });
  });

  it('in absolute form are those of the same request in origin form', async () => {
    expect(await overHttp1('plain', 'http://OWN.test/x/../y', 'b')).to.deep.equal({
      status: 200,
      reached: 'host /y',
    });
    expect(await overHttp1('plain', 'http://b/%73ecret', 'own.test')).to.deep.equal({
      status: 200,
      reached: 'guard /secret',
    });
    for (const target of [
      'http://a:80:90/',
      'http://a,b/',
      'http://u@a/',
      'ftp://a/',
      'http:///x',
      'http://a/\xa0',
    ])
      expect(await overHttp1('plain', target), target).to.deep.equal(refused);
  });

  it('of OPTIONS may be the server itself', async () => {
    expect(await both('plain', '*', 'a.test', 'OPTIONS')).to.deep.equal({ status: 200, reached: 'rest *' });
    expect(await both('plain', '*')).to.deep.equal(refused);
    expect(await both('plain', 'secret')).to.deep.equal(refused);
  });

  it('of a WebSocket follow the same rules', async () => {
    const port = Number(proxy.target('plain').split(':')[1]);
    const handshake = (path: string) =>
      `GET ${path} HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n`;
    const { text } = await say(port, handshake('/x/../%73ecret'));
    expect(text)
      .to.match(/^HTTP\/1\.1 200 /)
      .and.match(/^x-reached: guard \/secret\r$/im);
    const { text: other } = await say(port, handshake('/a{b}'));
    expect(other)
      .to.match(/^HTTP\/1\.1 400 /)
      .and.include('the client sent a request target with');
  });

  it('have http or https for a scheme', async () => {
    const head = { ':method': 'GET', ':scheme': 'ftp', ':authority': 'a.test', ':path': '/' };
    const { headers, body } = await clients.get('plain')!.request(head);
    expect(headers[':status']).to.equal(400);
    expect(body.toString()).to.include('scheme');
  });

  it('that are refused are errors of the client, and reach no endpoint', async () => {
    const reply = await clients.get('plain')!.request({ ':path': '/secret\xa0', ':method': 'GET' });
    expect(reply.headers).to.include({ ':status': 400, 'x-outrigger-error': 'protocol_error' });
    expect(reply.body.toString()).to.include(
      'the client sent a request target with the byte 0xA0 in its path',
    );
    const call = await clients.get('plain')!.request(grpcHead('/a.B/C\xa0'), Buffer.alloc(5));
    expect(call.headers).to.include({
      ':status': 200,
      'grpc-status': '13',
      'x-outrigger-error': 'protocol_error',
    });
    await overHttp1('plain', '/a"b');
    const calls = proxy.calls().slice(-3);
    expect(calls.map(({ error }) => error)).to.deep.equal(Array(3).fill('protocol_error'));
    for (const { attempts, route, endedBy } of calls)
      expect({ attempts, route, endedBy }).to.deep.equal({ attempts: [], route: '', endedBy: 'client' });
    for (const name of ['guard', 'host', 'rest']) expect(proxy.cluster(name).active).to.equal(0);
  });

  it('give the same verdict and route over both protocols, whatever they are', async function () {
    this.timeout(60_000);
    // No space: in HTTP/1.1 it ends the target.
    const piece = fc.constantFrom(
      '/',
      '.',
      '..',
      '%2e',
      '%2F',
      '%5c',
      '%73ecret',
      'secret',
      'x',
      '?',
      '#',
      '%',
      '"',
      '|',
      '\\',
      '\xa0',
      '{',
      ';',
      '[',
    );
    const path = fc.array(piece, { maxLength: 7 }).map((pieces) => `/${pieces.join('')}`);
    const authority = fc
      .array(fc.constantFrom('own.test', '.', ':', '80', '[::1]', ',', '@', '%20', 'A', '\xa0'), {
        minLength: 1,
        maxLength: 3,
      })
      .map((pieces) => pieces.join(''));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...Object.keys(listeners)),
        path,
        authority,
        async (listener, target, host) => {
          await both(listener, target, host);
        },
      ),
      { numRuns: 150 },
    );
  });
});
