import { expect } from 'chai';
import { chunkRows } from './support/desync/chunk-rows.ts';
import { desyncRig } from './support/desync/desync-rig.ts';
import { exchangeRows } from './support/desync/exchange-rows.ts';
import { headRows } from './support/desync/head-rows.ts';
import { lengthRows } from './support/desync/length-rows.ts';
import { forwarded, type RequestRow } from './support/desync/rows.ts';
import { note, printTable } from './support/desync/table.ts';

/**
 * Requests that two readers could understand in two ways, from RFC 9112 and from what Http11Probe, the HTTP Garden, "HTTP Desync
 * Attacks", "HTTP/1.1 must die", "Funky chunks" and the advisories of others found. Each is sent byte for byte through a running
 * sidecar to an endpoint that records byte for byte what it gets.
 */

/** Sent right behind every row, in the same packet: who is asked for it shows where the row ended. */
const probe = 'GET /probe HTTP/1.1\r\nHost: a\r\n\r\n';

const tables: ReadonlyArray<readonly [title: string, rows: readonly RequestRow[]]> = [
  ['where a body ends', lengthRows],
  ['chunks', chunkRows],
  ['request lines, hosts and fields', headRows],
  ['several requests on a connection', exchangeRows],
];

describe('HTTP/1.1 requests, byte by byte', function () {
  this.timeout(20_000);
  const rig = desyncRig();

  for (const [title, rows] of tables) {
    describe(title, () => {
      after(() => printTable(title));
      for (const row of rows) it(row.name, () => run(row));
    });
  }

  async function run(row: RequestRow): Promise<void> {
    const { upstream } = rig;
    const client = rig.client();
    const wanted = row.closes ? [...row.statuses] : [...row.statuses, 200];
    await client.sayAll(withProbe(row));
    await client.until(() => !row.closes && client.statuses.length >= wanted.length, `reply to ${row.name}`);
    const replies = client.text;
    expect(client.statuses, replies.slice(0, 1000)).to.deep.equal(wanted);
    expect(client.ended, 'the connection is closed').to.equal(row.closes);
    if (row.closes) expect(replies.toLowerCase()).to.include('\r\nconnection: close\r\n');
    client.destroy();
    await rig.expectUnblamed();
    const received = upstream.received;
    if (row.breaks) {
      expect(row.upstream.startsWith(received), `it got ${JSON.stringify(received)}`).to.equal(true);
    } else {
      expect(received).to.equal(row.upstream + (row.closes ? '' : forwarded('GET /probe')));
    }
    note({
      name: row.name,
      by: row.by,
      sent: row.sent.map((piece) => (typeof piece === 'string' ? piece : piece.next)).join(''),
      got: `${row.statuses.join(', ')}${row.closes ? ', closed' : ''}`,
      upstream: received.replace(forwarded('GET /probe'), ''),
    });
    await expectHonest(received);
  }

  function withProbe({ sent }: RequestRow) {
    const last = sent.at(-1)!;
    const behind = typeof last === 'string' ? last + probe : { ...last, next: last.next + probe };
    return [...sent.slice(0, -1), behind];
  }

  /** Another client, whose request may go on a connection that the row was on, gets the reply to it. */
  async function expectHonest(before: string): Promise<void> {
    const { upstream } = rig;
    const other = rig.client();
    other.say('GET /other HTTP/1.1\r\nHost: a\r\n\r\n');
    await other.until(() => other.text.endsWith('GET /other'), 'reply to another client');
    expect(other.text.endsWith('\r\n\r\nGET /other'), other.text).to.equal(true);
    expect(upstream.received.slice(before.length)).to.equal(forwarded('GET /other'));
    other.destroy();
  }
});
