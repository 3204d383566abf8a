import { expect } from 'chai';
import { askForWebSocket, startHeaderServer } from '../support/header-server.ts';
import { greeterConfig } from '../support/sidecar.ts';
import { rig } from './rig.ts';

const forged = {
  'x-forwarded-for': '198.51.100.1',
  'x-forwarded-proto': 'https',
  forwarded: 'for=198.51.100.1',
};
const known = ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-forwarded-port', 'forwarded'];

describe('forwarded, end to end', () => {
  const { greeter, sidecar, client, defer } = rig();
  const listenersWith = (forwarded?: object) => [
    { name: 'in', listen: '127.0.0.1:0', routes: [{ name: 'all', cluster: 'greeter', forwarded }] },
  ];

  /** What an HTTP/1.1 replica sees of a request, and of a WebSocket, that came with these headers. */
  async function seenBy(forwarded: object | undefined, sent: Record<string, string>) {
    const server = await startHeaderServer();
    defer(() => server.close());
    const listeners = listenersWith(forwarded);
    const proxy = await sidecar(greeterConfig([server], { protocol: 'http1' }, { listeners }));
    await (await fetch(`http://${proxy.target()}/`, { headers: sent })).text();
    await askForWebSocket(proxy.target(), sent);
    const seen = server.seen.map(({ headers }) =>
      Object.fromEntries(
        known.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])),
      ),
    );
    return { seen, authority: proxy.target() };
  }

  it('HTTP/1.1 endpoints get each value once, for requests and WebSockets', async () => {
    const { seen, authority } = await seenBy({ mode: 'append' }, forged);
    const expected = {
      'x-forwarded-for': '198.51.100.1, 127.0.0.1',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': authority,
      forwarded: 'for=198.51.100.1',
    };
    expect(seen).to.deep.equal([expected, expected]);
  });

  it('set takes nothing from the client', async () => {
    const headers = ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-port', 'forwarded'];
    const { seen, authority } = await seenBy({ mode: 'set', headers }, forged);
    const [, port] = authority.split(':');
    const expected = {
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-port': port,
      forwarded: `for=127.0.0.1;host="${authority}";proto=http`,
    };
    expect(seen).to.deep.equal([expected, expected]);
  });

  it('off adds nothing', async () => {
    expect((await seenBy({ mode: 'off' }, {})).seen).to.deep.equal([{}, {}]);
    expect((await seenBy({ mode: 'off' }, forged)).seen).to.deep.equal([forged, forged]);
  });

  it('without the policy, HTTP/1.1 endpoints get the address and the scheme as ever', async () => {
    const expected = { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http' };
    expect((await seenBy(undefined, {})).seen).to.deep.equal([expected, expected]);
  });

  it('gRPC endpoints get them as metadata', async () => {
    const replica = await greeter();
    const proxy = await sidecar(greeterConfig([replica], {}, { listeners: listenersWith({ mode: 'set' }) }));
    const { code } = await client(proxy.target()).sayHello('x', {
      metadata: [['x-forwarded-for', 'forged']],
    });
    expect(code).to.equal(0);
    expect(replica.lastMetadata!.get('x-forwarded-for')).to.deep.equal(['127.0.0.1']);
    expect(replica.lastMetadata!.get('x-forwarded-proto')).to.deep.equal(['http']);
  });
});
