import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { expect } from 'chai';
import { BodyReader, windowBytes } from '../../../src/http1/body-reader.ts';

/** A message whose next bytes are always there. */
function endless(chunkBytes: number): IncomingMessage {
  const message = new Readable({
    read() {
      this.push(Buffer.alloc(chunkBytes));
    },
  });
  return Object.assign(message, { rawTrailers: [] }) as unknown as IncomingMessage;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const atOnce = (run: () => void): void => run();

describe('http1/body-reader', () => {
  it('reads a bounded part of a body in one turn, however fast it is taken, and goes on in the next', async () => {
    const message = endless(16_384);
    let bytes = 0;
    const sink = {
      data(_chunk: Uint8Array, start: number, end: number) {
        bytes += end - start;
        reader.consumed(end - start);
      },
      trailers() {},
    };
    const reader = new BodyReader(
      message,
      () => sink,
      () => {},
      atOnce,
    );
    for (let turns = 1; turns <= 50; turns++) {
      const before = bytes;
      await turn();
      expect(bytes - before).to.be.at.most(3 * windowBytes);
    }
    expect(bytes).to.be.greaterThan(20 * windowBytes);
    message.destroy();
  });

  it('stops at a window until credit comes back', async () => {
    const message = endless(16_384);
    let bytes = 0;
    const sink = {
      data(_chunk: Uint8Array, start: number, end: number) {
        bytes += end - start;
      },
      trailers() {},
    };
    const reader = new BodyReader(
      message,
      () => sink,
      () => {},
      atOnce,
    );
    for (let i = 0; i < 20; i++) await turn();
    expect(bytes).to.equal(windowBytes);
    reader.consumed(16_384);
    for (let i = 0; i < 20; i++) await turn();
    expect(bytes).to.equal(windowBytes + 16_384);
    message.destroy();
  });

  it('never pushes more than a window, however large the pieces are that it reads, and loses nothing', async () => {
    const sent = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 251));
    const message = Object.assign(Readable.from([sent.subarray(0, 65_000), sent.subarray(65_000)]), {
      rawTrailers: [],
    }) as unknown as IncomingMessage;
    const got: Buffer[] = [];
    let outstanding = 0;
    let ended = 0;
    const sink = {
      data(chunk: Uint8Array, start: number, end: number, last: boolean) {
        got.push(Buffer.from(chunk.subarray(start, end)));
        outstanding += end - start;
        expect(outstanding).to.be.at.most(windowBytes);
        // Credit within the push must not turn the order round.
        const back = got.length % 3 === 0 ? 10_000 : 0;
        outstanding -= back;
        reader.consumed(back);
        if (last) ended++;
      },
      trailers() {},
    };
    const reader = new BodyReader(
      message,
      () => sink,
      () => ended++,
      atOnce,
    );
    for (let i = 0; i < 100 && ended < 2; i++) {
      await turn();
      const back = outstanding;
      outstanding = 0;
      reader.consumed(back);
    }
    expect(Buffer.concat(got).equals(sent)).to.equal(true);
    expect(ended).to.equal(2);
  });

  it('goes on without credit once the rest is unwanted', async () => {
    const message = endless(16_384);
    const sink = { data() {}, trailers() {} };
    const reader = new BodyReader(
      message,
      () => sink,
      () => {},
      atOnce,
    );
    let read = 0;
    message.on('data', (chunk: Buffer) => {
      read += chunk.length;
    });
    for (let i = 0; i < 20; i++) await turn();
    reader.discard();
    for (let i = 0; i < 50; i++) await turn();
    expect(read).to.be.greaterThan(5 * windowBytes);
    message.destroy();
  });
});
