import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect } from 'chai';
import { connectRaw } from '../support/raw-http2.ts';
import type { Sidecar } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

/** What a client got of a reply. */
interface Got {
  /** 0 where it got no head. */
  readonly status: number;
  readonly body: string;
  /** The reply ended as it should. */
  readonly whole: boolean;
}

type Client = (proxy: Sidecar, method: string, body: Buffer | null) => Promise<Got>;

const byHttp1: Client = async (proxy, method, body) => {
  const read = async (response: Response): Promise<Got> => {
    let text = '';
    try {
      for await (const chunk of response.body!) text += Buffer.from(chunk).toString('latin1');
      return { status: response.status, body: text, whole: true };
    } catch {
      return { status: response.status, body: text, whole: false };
    }
  };
  const init = body === null ? { method } : { method, body, duplex: 'half' };
  return read(await fetch(`http://${proxy.target()}/`, init as RequestInit));
};

const byHttp2: Client = async (proxy, method, body) => {
  const client = connectRaw(proxy.target());
  try {
    const reply = await client.request({ ':method': method, ':path': '/' }, body ?? undefined);
    const status = Number(reply.headers[':status'] ?? 0);
    return { status, body: reply.body.toString('latin1'), whole: reply.rstCode === 0 };
  } catch {
    return { status: 0, body: '', whole: false };
  } finally {
    client.close();
  }
};

const clients: ReadonlyArray<readonly [name: string, client: Client]> = [
  ['HTTP/1.1', byHttp1],
  ['HTTP/2', byHttp2],
];

/** Sends the half of a body and waits for what becomes of it: `reset`, or the status of a reply. */
async function stall(protocol: string, proxy: Sidecar): Promise<string> {
  if (protocol === 'HTTP/2') {
    const client = connectRaw(proxy.target());
    const { stream, reply } = client.open({ ':method': 'POST', ':path': '/', 'content-length': '100' });
    stream.write('half');
    const { rstCode, headers } = await reply;
    client.close();
    return rstCode === 0 ? String(headers[':status']) : 'reset';
  }
  const [host, port] = proxy.target().split(':');
  const socket = connect({ host, port: Number(port) });
  socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nhalf');
  let text = '';
  for await (const chunk of socket) text += chunk;
  return text.split(' ')[1];
}

describe('HTTP/1.1 endpoints', () => {
  const { sidecar, defer } = rig();
  let sockets: Socket[];

  /** A sidecar before one endpoint, whose connections `answer` is given with each request that arrives on them. */
  async function sidecarFor(
    answer: (socket: Socket) => void,
    cluster: Record<string, unknown> = {},
    listener: Record<string, unknown> = {},
  ): Promise<Sidecar> {
    sockets = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => {});
      let heard = '';
      socket.on('data', (chunk) => {
        heard += chunk.toString('latin1');
        for (let end = heard.indexOf('\r\n\r\n'); end >= 0; end = heard.indexOf('\r\n\r\n')) {
          heard = heard.slice(end + 4);
          answer(socket);
        }
      });
    });
    server.listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    defer(() => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    });
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    return sidecar({
      listeners: [
        { name: 'in', listen: '127.0.0.1:0', routes: [{ name: 'all', cluster: 'web' }], ...listener },
      ],
      clusters: [{ name: 'web', protocol: 'http1', health: 'none', endpoints: [{ address }], ...cluster }],
    });
  }
  it('are counted with the HTTP version of each side', async () => {
    const proxy = await sidecarFor((socket) =>
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'),
    );
    await byHttp1(proxy, 'GET', null);
    await byHttp2(proxy, 'GET', null);
    await until(
      () => proxy.calls().length === 2,
      () => `${proxy.calls().length} calls are over`,
    );
    const text = await (await fetch(`${proxy.adminUrl}/metrics`)).text();
    const counts = [...text.matchAll(/^(http_\w+_seconds_count\{.*) (\d+)$/gm)].map(
      ([, series, count]) => `${series} ${count}`,
    );
    const head = 'http_request_method="GET",http_response_status_code="200",url_scheme="http"';
    const server = (version: string) =>
      `http_server_request_duration_seconds_count{${head},network_protocol_version="${version}",outrigger_route="all",outrigger_listener="in"} 1`;
    const client = `http_client_request_duration_seconds_count{${head},network_protocol_version="1.1",outrigger_cluster="web"} 2`;
    expect(counts).to.deep.equal([server('1.1'), server('2'), client]);
  });

  const endpointOf = (proxy: Sidecar) => proxy.app.clusters[0].all()[0];

  for (const [name, client] of clients) {
    for (const [framing, reply] of [
      ['a length', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'],
      ['chunks', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'],
    ]) {
      it(`deliver a reply with ${framing} to ${name}, without the bytes behind it`, async () => {
        const proxy = await sidecarFor((socket) => void socket.write(`${reply}junk`));
        for (let n = 1; n <= 3; n++) {
          expect(await client(proxy, 'GET', null)).to.deep.equal({ status: 200, body: 'ok', whole: true });
          expect(sockets).to.have.length(n);
        }
        await until(
          () => sockets.every(({ destroyed }) => destroyed),
          () => 'the connections close',
        );
        const metrics = await (await fetch(`${proxy.adminUrl}/metrics`)).text();
        expect(metrics).to.match(
          /^outrigger_http1_refused_replies_total\{outrigger_cluster="web",outrigger_reason="surplus"\} 3$/m,
        );
        const line = proxy.log.find((text) => text.includes('the endpoint violated HTTP/1.1'));
        expect(line)
          .to.include('it sent bytes that belong to no reply')
          .and.match(/byte=\d+/);
        expect(endpointOf(proxy)).to.include({ error: 0, success: 3 });
      });
    }

    it(`deliver a 413 to ${name} that comes during the upload, though they close without reading it`, async () => {
      const reply = 'HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\nconnection: close\r\n\r\nbig';
      const proxy = await sidecarFor((socket) => {
        socket.pause();
        socket.write(reply, () => socket.destroy());
      });
      for (let n = 0; n < 20; n++) {
        const got = await client(proxy, 'POST', Buffer.alloc(400_000, 'a'));
        expect(got, `upload ${n}`).to.deep.equal({ status: 413, body: 'big', whole: true });
      }
      expect(endpointOf(proxy)).to.include({ error: 0, unusableBecause: '' });
    });

    it(`that reset a reply which ends with its connection leave ${name} without its end`, async () => {
      const proxy = await sidecarFor((socket) => {
        socket.write('HTTP/1.1 200 OK\r\n\r\npart');
        setTimeout(() => socket.resetAndDestroy(), 50);
      });
      expect((await client(proxy, 'GET', null)).whole).to.equal(false);
      expect(endpointOf(proxy)).to.include({ error: 1 });
    });

    it(`that end such a reply by FIN give ${name} all of it`, async () => {
      const proxy = await sidecarFor((socket) => void socket.end('HTTP/1.1 200 OK\r\n\r\nall'));
      expect(await client(proxy, 'GET', null)).to.deep.equal({ status: 200, body: 'all', whole: true });
    });

    it(`are free again when uploads over ${name} that stall have held all their connections`, async () => {
      const limits = { perEndpoint: { maxConnections: 8, maxPending: 1 } };
      const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n';
      // The uploads get no answer; the request behind them comes on a ninth connection.
      const proxy = await sidecarFor(
        (socket) => void (sockets.length > 8 && socket.write(ok)),
        { limits },
        { limits: { uploadStallTimeout: '400ms' } },
      );
      const over = Promise.all(Array.from({ length: 8 }, () => stall(name, proxy)));
      await until(
        () => endpointOf(proxy).active === 8,
        () => `${endpointOf(proxy).active} of 8 uploads have a connection`,
      );
      expect(new Set(await over)).to.deep.equal(new Set([name === 'HTTP/2' ? 'reset' : '408']));
      expect((await client(proxy, 'GET', null)).status).to.equal(200);
      expect(endpointOf(proxy)).to.include({ error: 0, unusableBecause: '' });
    });

    it(`are not blamed for ${name} over the limits of the cluster`, async () => {
      const waiting: Socket[] = [];
      const limits = { maxConnections: 1, maxPending: 1 };
      const proxy = await sidecarFor((socket) => void waiting.push(socket), {
        limits,
        outlier: { consecutiveErrors: 1 },
      });
      const asked = [client(proxy, 'GET', null), client(proxy, 'GET', null)];
      await until(
        () => endpointOf(proxy).active === 2 && waiting.length === 1,
        () => 'one is served and one waits',
      );
      for (let n = 0; n < 5; n++) {
        const { status, body } = await client(proxy, 'GET', null);
        expect(status).to.equal(503);
        expect(body).to.match(/waiting for .*\[overloaded\] \(call [0-9a-f-]+\)\s*$/);
      }
      const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n';
      waiting[0].write(ok);
      await until(
        () => waiting.length === 2,
        () => 'the one that waited is served',
      );
      waiting[1].write(ok);
      expect((await Promise.all(asked)).map(({ status }) => status)).to.deep.equal([200, 200]);
      expect(endpointOf(proxy)).to.include({ error: 0, unusableBecause: '' });
    });
  }
});
