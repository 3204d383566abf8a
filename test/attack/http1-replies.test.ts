import { expect } from 'chai';
import { connectRaw, type RawReply } from '../support/raw-http2.ts';
import { until } from '../support/until.ts';
import { desyncRig } from './support/desync/desync-rig.ts';
import { echo } from './support/desync/recording-upstream.ts';
import { type ReplyRow, replyTables } from './support/desync/reply-rows.ts';
import { note, printTable } from './support/desync/table.ts';

/** Replies that two readers could understand in two ways, each through a running sidecar to an HTTP/1.1 and an HTTP/2 client. */

interface Got {
  readonly status: number | null;
  readonly interim: readonly number[];
  readonly body: string;
  /** The reply is Outrigger's own. */
  readonly own: boolean;
}

describe('HTTP/1.1 replies, byte by byte', function () {
  this.timeout(20_000);
  // An endpoint of which some rows do not speak well: it is to be asked all the same.
  const rig = desyncRig({ outlier: 'none', balancer: { failPenalty: { load: 0 } } });

  for (const [title, rows] of replyTables) {
    describe(title, () => {
      after(() => printTable(title));
      for (const row of rows) {
        it(`${row.name}, to HTTP/1.1`, () => run(row, overHttp1));
        it(`${row.name}, to HTTP/2`, () => run(row, overHttp2));
      }
    });
  }

  async function run(row: ReplyRow, ask: (row: ReplyRow) => Promise<Got>): Promise<void> {
    const { upstream, sidecar } = rig;
    // A connection that is there already is the one that is at stake.
    await overHttp2({ ...row, method: 'GET' }, '/before');
    const connectionsBefore = upstream.connections;
    upstream.answer = (request, socket) => {
      if (request.target !== '/row') return echo(request, socket);
      if (row.end === 'resets')
        socket.write(row.reply, 'latin1', () => setTimeout(() => socket.resetAndDestroy(), 20));
      else if (row.end === 'closes') socket.end(row.reply, 'latin1');
      else socket.write(row.reply, 'latin1');
    };
    const got = await ask(row);
    note({
      name: row.name,
      by: row.by,
      sent: `${row.method} /row`,
      got: `${got.status ?? 'broken off'} ${got.body}`,
      upstream: row.reply,
    });
    expect(got.status).to.equal(row.status);
    expect(got.interim).to.deep.equal(row.interim);
    expect(got.own, 'an error of our own').to.equal(row.status === 502);
    if (row.body !== null) expect(got.body).to.equal(row.body);
    const endpoint = sidecar.endpoint(upstream.address);
    await until(
      () => endpoint.active === 0,
      () => `${endpoint.active} requests are still counted`,
    );
    const next = await overHttp2({ ...row, method: 'GET' }, '/next');
    expect(next.body, 'the next request gets its own reply').to.equal('GET /next');
    expect(upstream.connections - connectionsBefore, 'connections').to.equal(row.connections);
  }

  async function overHttp1(row: ReplyRow): Promise<Got> {
    const client = rig.client();
    client.say(`${row.method} /row HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    await client.until(() => false, `end of ${row.name}`);
    const statuses = client.statuses;
    const interim = statuses.filter((status) => status < 200);
    const final = statuses.find((status) => status >= 200) ?? null;
    const text = client.text.slice(client.text.search(/HTTP\/1\.1 [2-9]/));
    const headEnd = text.indexOf('\r\n\r\n') + 4;
    const head = text.slice(0, headEnd).toLowerCase();
    const body = bodyOf(head, text.slice(headEnd), row.method, final);
    if (final === 204) expect(head).to.not.include('content-length');
    expect(head).to.not.include('x-a:');
    const whole = final !== null && body !== null && !client.wasReset;
    return {
      status: whole ? final : null,
      interim,
      body: body ?? '',
      own: head.includes('x-outrigger-error'),
    };
  }

  async function overHttp2(row: ReplyRow, path = '/row'): Promise<Got> {
    const client = connectRaw(rig.sidecar.target());
    const { stream, reply } = client.open({ ':method': row.method, ':path': path }, true);
    const interim: number[] = [];
    stream.on('headers', (head) => interim.push(Number(head[':status'])));
    const { headers, body, rstCode }: RawReply = await reply;
    client.close();
    const status = headers[':status'] === undefined || rstCode !== 0 ? null : Number(headers[':status']);
    if (status === 204) expect(headers).to.not.have.property('content-length');
    expect(headers).to.not.have.property('x-a');
    return {
      status,
      interim,
      body: body.toString('latin1'),
      own: headers['x-outrigger-error'] !== undefined,
    };
  }
});

/** The body that follows `head` in a connection that has ended; null where it is not whole. */
function bodyOf(head: string, rest: string, method: string, status: number | null): string | null {
  if (method === 'HEAD' || status === 204 || status === 304) return rest === '' ? '' : null;
  if (head.includes('\r\ntransfer-encoding: chunked\r\n')) {
    let body = '';
    for (let left = rest; ; ) {
      const size = /^([0-9a-f]+)\r\n/.exec(left);
      if (size === null) return null;
      const bytes = Number.parseInt(size[1], 16);
      if (bytes === 0) return left === '0\r\n\r\n' ? body : null;
      const start = size[0].length;
      body += left.slice(start, start + bytes);
      left = left.slice(start + bytes + 2);
    }
  }
  const length = /\r\ncontent-length: (\d+)\r\n/.exec(head);
  if (length === null) return rest;
  return Number(length[1]) === rest.length ? rest : null;
}
