import { expect } from 'chai';
import { connectFrames, Flags, type Frame, Type } from '../support/frame-peer.ts';
import { until } from '../support/until.ts';
import { desyncRig } from './support/desync/desync-rig.ts';
import { type DowngradeRow, downgradeTables } from './support/desync/downgrade-rows.ts';
import { forwarded } from './support/desync/rows.ts';
import { note, printTable } from './support/desync/table.ts';

/** HTTP/2 requests that would be another request, or several, once they are written as HTTP/1.1; each frame by frame. */

describe('HTTP/2 requests to an HTTP/1.1 endpoint, byte by byte', function () {
  this.timeout(20_000);
  const rig = desyncRig();

  for (const [title, rows] of downgradeTables) {
    describe(title, () => {
      after(() => printTable(`HTTP/2: ${title}`));
      for (const row of rows) it(row.name, () => run(row));
    });
  }

  async function run(row: DowngradeRow): Promise<void> {
    const { upstream, sidecar } = rig;
    const peer = await connectFrames(sidecar.target());
    const over = ({ type, flags, streamId }: Frame): boolean =>
      streamId === 1 && (type === Type.Rst || (type <= Type.Headers && (flags & Flags.EndStream) !== 0));
    const { body, trailers } = row;
    peer.headers(1, row.head, body === null && trailers === null);
    if (body !== null) peer.data(1, Buffer.from(body, 'latin1'), trailers === null);
    if (trailers !== null) peer.headers(1, trailers, true);
    await until(
      () => peer.frames.some(over) || peer.socket.destroyed,
      () => `no end of ${row.name}`,
      2000,
    );
    const reset = peer.of(Type.Rst)[0]?.payload.readUInt32BE(0) ?? null;
    expect(reset, 'the code of RST_STREAM').to.equal(row.reset);
    const [head] = peer.of(Type.Headers);
    // Field 8 of the static table is `:status 200` (RFC 7541 appendix A).
    expect(head === undefined ? null : head.payload[0] === 0x88 ? 200 : 0).to.equal(row.status);
    await rig.expectUnblamed();
    const { received } = upstream;
    if (row.reset === null) expect(received).to.equal(row.upstream);
    else expect(row.upstream.startsWith(received), `it got ${JSON.stringify(received)}`).to.equal(true);
    note({
      name: row.name,
      by: row.by,
      sent: [...row.head, ...(row.trailers ?? [])].map((pair) => pair.join('=')).join(' ') + (body ?? ''),
      got: row.status === null ? `RST_STREAM ${row.reset}` : String(row.status),
      upstream: received,
    });
    peer.socket.destroy();
    const other = rig.client();
    other.say('GET /other HTTP/1.1\r\nHost: a\r\n\r\n');
    await other.until(() => other.text.endsWith('\r\n\r\nGET /other'), 'reply to another client');
    expect(upstream.received.slice(received.length)).to.equal(forwarded('GET /other'));
  }
});
