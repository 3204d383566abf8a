import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import { connect } from 'node:net';
import { expect } from 'chai';
import { rig } from './rig.ts';

describe('routes by cookie, parameter and source, end to end', () => {
  const { sidecar, defer } = rig();
  const route = (name: string, match: object) => ({ name, match, respond: { body: name } });
  const shape = (...routes: object[]) => ({
    listeners: [{ name: 'in', listen: '127.0.0.1:0', routes: [...routes, route('rest', {})] }],
    clusters: [{ name: 'unused', health: 'none', endpoints: [{ address: '127.0.0.1:9' }] }],
  });

  it('take requests by cookie, by parameter, and by one of several methods', async () => {
    const proxy = await sidecar(
      shape(
        route('cookie', { cookies: [{ name: 'canary', exact: '1' }] }),
        route('query', { query: [{ name: 'v', exact: '2' }] }),
        route('method', { method: ['PUT', 'DELETE'] }),
      ),
    );
    const get = async (path: string, init: RequestInit = {}) =>
      (await fetch(`http://${proxy.target()}${path}`, init)).text();
    expect(await get('/', { headers: { cookie: 'a=b; canary=1' } })).to.equal('cookie');
    expect(await get('/?v=2')).to.equal('query');
    expect(await get('/', { method: 'DELETE' })).to.equal('method');
    expect(await get('/?v=1', { headers: { cookie: 'canary=0' } })).to.equal('rest');
  });

  it('keep clients apart that send the same request, over HTTP/1.1 and HTTP/2', async () => {
    const proxy = await sidecar(shape(route('near', { source: ['127.0.0.2', 'fd00::/8'] })));
    const [host, port] = proxy.target().split(':');
    const over1 = (localAddress: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const request = http.get({ host, port, path: '/same', localAddress, agent: false }, async (reply) => {
          let body = '';
          for await (const chunk of reply) body += chunk;
          resolve(body);
        });
        request.on('error', reject);
      });
    const session = (localAddress: string) => {
      const made = http2.connect(`http://${proxy.target()}`, {
        createConnection: () => connect({ host, port: Number(port), localAddress }),
      });
      defer(() => made.destroy());
      return made;
    };
    const sessions = [session('127.0.0.2'), session('127.0.0.1')];
    const over2 = async (index: number): Promise<string> => {
      const stream = sessions[index].request({ ':path': '/same', ':authority': 'same' });
      let body = '';
      stream.on('data', (chunk: Buffer) => {
        body += chunk;
      });
      await once(stream, 'end');
      return body;
    };
    // Several times: the head of a client that repeats is routed once.
    for (let i = 0; i < 4; i++) {
      expect([await over1('127.0.0.2'), await over1('127.0.0.1')]).to.deep.equal(['near', 'rest']);
      expect([await over2(0), await over2(1)]).to.deep.equal(['near', 'rest']);
    }
  });
});
