import { expect } from 'chai';
import fc from 'fast-check';
import { ErrorCode } from '../../../src/core/error-code.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import type { ConnectionOptions } from '../../../src/http2/options.ts';
import { data, frame, getHead, headers, paddedData, postHead, Scripted } from './support.ts';

const ok = HeaderBlock.of([':status', '200']);
const body = Buffer.alloc(16_384, 'b');

/** A server with one open request on stream 1; whatever it said is read. */
function opened(options: Partial<ConnectionOptions> = {}, ...fields: Array<[string, string]>) {
  const server = new Scripted('server', options);
  server.send(headers(1, [...postHead, ...fields], false));
  server.said();
  const [request] = server.requests;
  request.recorder.events.length = 0;
  return { server, ...request };
}

/** Bytes that came and are not disposed of; what may come yet, all credit included that is on its way. */
function counts(server: Scripted): { held: number; granted: number } {
  const core = server.connection as unknown as { buffered: number; withheld: number };
  const window = server.connection.receiveWindow as unknown as { granted: number; owed: number };
  return { held: core.buffered, granted: window.granted + window.owed + core.withheld };
}

/** A DATA frame that ends its stream. */
const whole = data(1, body, true);

describe('http2/connection, DATA in pieces', () => {
  it('is passed on as it comes, and ends the stream with its last byte, once', () => {
    const { server, recorder } = opened();
    server.send(whole.subarray(0, 9));
    expect(recorder.events).to.deep.equal([]);
    server.send(whole.subarray(9, 5000));
    server.send(whole.subarray(5000, whole.length - 1));
    expect(recorder.events).to.deep.equal(['data 4991', 'data 11392']);
    server.send(whole.subarray(whole.length - 1));
    expect(recorder.events).to.deep.equal(['data 4991', 'data 11392', 'data 1 last']);
    expect(recorder.ends).to.equal(1);
  });

  it('is held and given credit for as it comes, however it is split', () => {
    const cuts = fc.array(fc.integer({ min: 0, max: whole.length }), { maxLength: 10 });
    fc.assert(
      fc.property(cuts, fc.boolean(), (at, stalled) => {
        const { server, recorder } = opened();
        recorder.stalled = stalled;
        const before = counts(server).granted;
        let sent = 0;
        for (const end of [...at.sort((a, b) => a - b), whole.length]) {
          server.send(whole.subarray(sent, end));
          sent = end;
          const payload = Math.max(0, sent - 9);
          expect(counts(server).held).to.equal(stalled ? payload : 0);
          // The window counts the frame as soon as it has begun.
          expect(counts(server).granted).to.equal(before - (sent < 9 ? 0 : 16_384 - payload));
        }
        expect(recorder.ends).to.equal(1);
      }),
      { numRuns: 100 },
    );
  });

  const ends = {
    'is reset by us': (server: Scripted) => server.requests[0].stream.reset(ErrorCode.CANCEL),
    'is answered early': (server: Scripted) => server.requests[0].stream.head(ok, true),
  };
  for (const [what, end] of Object.entries(ends)) {
    it(`of a stream that ${what} in the middle of a frame gives its credit back to the connection`, () => {
      const { server, recorder } = opened();
      recorder.stalled = true;
      const before = counts(server).granted;
      server.send(whole.subarray(0, 6009));
      end(server);
      const said = server.said().filter((one) => !one.startsWith('WINDOW_UPDATE'));
      expect(said.at(-1)).to.match(/^RST_STREAM 1 /);
      server.send(whole.subarray(6009, 10_000));
      server.send(whole.subarray(10_000), headers(3, getHead, true));
      expect(recorder.events).to.deep.equal(['data 6000']);
      expect(counts(server)).to.deep.equal({ held: 0, granted: before });
      expect(server.said().filter((one) => one.startsWith('RST_STREAM'))).to.deep.equal([]);
      expect(server.requests.length).to.equal(2);
    });
  }

  it('is dropped where its receiver resets the stream with the first piece', () => {
    const { server, recorder, stream } = opened();
    recorder.data = () => stream.reset(ErrorCode.CANCEL);
    for (const byte of whole) server.send(Buffer.of(byte));
    expect(server.said()).to.deep.equal(['RST_STREAM 1 8']);
    expect(counts(server).held).to.equal(0);
    expect(server.error).to.equal(undefined);
  });
});

describe('http2/connection, DATA in pieces that must not be', () => {
  const wrong: Record<string, [Partial<ConnectionOptions>, Array<[string, string]>, Buffer, ErrorCode]> = {
    'more than the window of its stream': [
      { streamWindowBytes: 65_536, streamWindowBytesMax: 65_536 },
      [],
      Buffer.concat([data(1, body), data(1, body), data(1, body), data(1, body)]),
      ErrorCode.FLOW_CONTROL_ERROR,
    ],
    'more than its content-length': [
      {},
      [['content-length', '16383']],
      Buffer.of(),
      ErrorCode.PROTOCOL_ERROR,
    ],
    'less than its content-length': [
      {},
      [['content-length', '16385']],
      Buffer.of(),
      ErrorCode.PROTOCOL_ERROR,
    ],
  };
  for (const [what, [options, fields, first, code]] of Object.entries(wrong)) {
    it(`that is ${what} is refused before any of it is passed on, and dropped`, () => {
      const { server, recorder } = opened(options, ...fields);
      recorder.stalled = true;
      const before = counts(server).granted;
      server.send(first);
      const heard = recorder.events.length;
      server.send(whole.subarray(0, 9));
      expect(server.said().filter((one) => one.startsWith('RST'))).to.deep.equal([`RST_STREAM 1 ${code}`]);
      server.send(whole.subarray(9, 20));
      server.send(whole.subarray(20));
      expect(recorder.events.slice(heard).filter((event) => event.startsWith('data'))).to.deep.equal([]);
      expect(recorder.failures.length).to.equal(1);
      expect(server.said().filter((one) => one.startsWith('RST'))).to.deep.equal([]);
      expect(counts(server)).to.deep.equal({ held: 0, granted: before });
    });
  }

  const fatal: Record<string, [string, (server: Scripted) => void, number, ErrorCode]> = {
    'on stream 0': ['malformed', () => {}, 0, ErrorCode.PROTOCOL_ERROR],
    'on an idle stream': ['idle', () => {}, 5, ErrorCode.PROTOCOL_ERROR],
    'amid a header section': [
      'continued',
      (server) => server.send(frame(1, 0, 3, Buffer.of(0x82))),
      1,
      ErrorCode.PROTOCOL_ERROR,
    ],
    'beyond the window of the connection': [
      'connection window',
      (server) => server.connection.receiveWindow.shrink(1_048_576 - 16_383),
      1,
      ErrorCode.FLOW_CONTROL_ERROR,
    ],
  };
  for (const [what, [message, before, id, code]] of Object.entries(fatal)) {
    it(`ends the connection ${what} as soon as its header is whole`, () => {
      const { server, recorder } = opened();
      before(server);
      const bytes = data(id, body);
      server.send(bytes.subarray(0, 8));
      expect(server.error).to.equal(undefined);
      server.send(bytes.subarray(8, 9));
      expect(server.error?.code).to.equal(code);
      expect(server.error?.message).to.contain(message);
      server.send(bytes.subarray(9));
      expect(recorder.events.filter((event) => event.startsWith('data'))).to.deep.equal([]);
    });
  }

  it('counts as one frame, of a message or late, however many its pieces', () => {
    const { server, stream } = opened({ controlFramesMax: 3 });
    const frames = server.connection.messageFrames;
    const last = data(1, body);
    for (let at = 0; at < last.length; at += 100) server.send(last.subarray(at, at + 100));
    expect(server.connection.messageFrames).to.equal(frames + 1);
    stream.reset(ErrorCode.CANCEL);
    // Three late frames earn no more than was earned; by pieces they would be an attack.
    for (let i = 0; i < 3; i++)
      for (let at = 0; at < last.length; at += 4) server.send(last.subarray(at, at + 4));
    expect(server.error).to.equal(undefined);
    const beyond = data(1, body);
    server.send(beyond.subarray(0, 9));
    expect(server.error?.code).to.equal(ErrorCode.FLOW_CONTROL_ERROR);
  });

  it('is no frame that takes too long, and padded DATA is passed on whole', () => {
    const { server, recorder } = opened();
    const padded = paddedData(1, Buffer.from('abc'), 7);
    server.send(padded.subarray(0, 12));
    expect(recorder.events).to.deep.equal([]);
    server.send(padded.subarray(12), whole.subarray(0, 100));
    for (let check = 0; check < 5; check++) server.connection.checkUnfinished(2);
    expect(server.error).to.equal(undefined);
    expect(recorder.events).to.deep.equal(['data 3', 'data 91']);
  });
});
