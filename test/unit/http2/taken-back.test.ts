import { expect } from 'chai';
import { constantField } from '../../../src/core/field.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { MemoryPair } from '../../support/memory-pair.ts';
import { data, headers, postHead, Scripted } from './support.ts';

/** As a proxy sends it on: known to repeat, so that its fields go into the table. */
function repeatedHead(path: string): HeaderBlock {
  const block = new HeaderBlock([
    constantField(':method', 'POST'),
    constantField(':scheme', 'http'),
    constantField(':path', path),
    constantField(':authority', 'a.test'),
    constantField('x-kept', 'in the table'),
  ]);
  block.repeated = true;
  return block;
}

describe('http2 calls that are taken back before they left', () => {
  it('never reach the server, and those after them do', () => {
    const pair = new MemoryPair();
    pair.settle();
    const head = repeatedHead('/one');
    pair.request(head, true);
    pair.settle();
    for (let i = 0; i < 500; i++) pair.request(head, false).stream.reset(8);
    expect(pair.client.connection.out.length).to.equal(0);
    const { stream } = pair.request(head, true);
    pair.settle();
    expect(pair.server.requests.map(({ stream: { id } }) => id)).to.deep.equal([1, stream.id]);
    expect(stream.id).to.equal(1003);
    expect(pair.server.requests[1].head.get('x-kept')).to.equal('in the table');
    expect(pair.client.connection.accepting).to.equal(true);
  });

  it('are reset as ever when their head changed the table, or something was written after it', () => {
    const pair = new MemoryPair();
    pair.settle();
    const inserted = pair.request(repeatedHead('/two'), false).stream;
    inserted.reset(8);
    const other = pair.request(repeatedHead('/two'), false).stream;
    const covered = pair.request(repeatedHead('/two'), false).stream;
    other.data(Buffer.from('x'), 0, 1, false);
    covered.reset(8);
    pair.settle();
    const failures = pair.server.requests.map(({ recorder }) => recorder.failures.length);
    expect(failures).to.deep.equal([1, 0, 1]);
    expect(pair.server.requests[1].recorder.bodyBytes).to.equal(1);
  });

  it('may be followed by what was left of their windows, and by nothing more', () => {
    const server = new Scripted('server', { streamWindowBytes: 100_000 });
    const full = Buffer.alloc(16_384);
    for (const id of [1, 3]) {
      server.send(headers(id, postHead, false), data(id, full));
      server.requests.at(-1)!.stream.reset(8);
    }
    // 83,616 bytes of each window are left.
    for (let i = 0; i < 10; i++) server.send(data(1, full));
    expect(server.error).to.equal(undefined);
    server.send(data(3, full));
    expect(server.error?.code).to.equal(3);
  });

  it('are reset when they have left meanwhile, though the buffer is as full as then', () => {
    const pair = new MemoryPair();
    pair.settle();
    const head = repeatedHead('/three');
    pair.request(head, true);
    pair.settle();
    const { stream } = pair.request(head, false);
    pair.settle();
    const next = pair.request(head, false).stream;
    stream.reset(8);
    pair.settle();
    expect(pair.server.requests.map(({ recorder }) => recorder.failures.length)).to.deep.equal([0, 1, 0]);
    expect(next.id).to.equal(5);
  });

  it('are reset when trailers were written after their head', () => {
    const pair = new MemoryPair();
    pair.settle();
    const head = repeatedHead('/four');
    pair.request(head, true);
    pair.settle();
    const { stream } = pair.request(head, false);
    stream.trailers(HeaderBlock.of(['x', 'y']));
    stream.reset(8);
    pair.settle();
    expect(pair.server.connection.active).to.equal(1);
    expect(pair.server.requests[1].recorder.failures.length).to.equal(1);
  });
});
