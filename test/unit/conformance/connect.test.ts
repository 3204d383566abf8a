import { Readable } from 'node:stream';
import { expect } from 'chai';
import { framed, numberOf, readMessages, withNumber, withText } from '../../conformance/connect/messages.ts';
import { failuresOf, readOutput } from '../../conformance/connect/suites.ts';

/** Field 1 is the text "a", 2 the number 300, 3 a fixed32, 4 a fixed64. */
const message = Buffer.from('0a0161' + '10ac02' + '1d01020304' + '210102030405060708', 'hex');

describe('the messages of connectconformance', () => {
  it('are read from their lengths, however the stream is split', async () => {
    const bytes = Buffer.concat([framed(message), framed(Buffer.alloc(0)), framed(message)]);
    for (const size of [1, 3, bytes.length]) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      );
      const read: Buffer[] = [];
      for await (const one of readMessages(Readable.from(chunks))) read.push(one);
      expect(read).to.deep.equal([message, Buffer.alloc(0), message]);
    }
  });

  it('get another number or text, and keep all else', () => {
    expect(numberOf(message, 2)).to.equal(300);
    expect(numberOf(message, 7)).to.equal(0);
    const changed = withText(withNumber(message, 2, 65_535), 1, '127.0.0.1');
    expect(numberOf(changed, 2)).to.equal(65_535);
    expect(changed.includes('127.0.0.1')).to.equal(true);
    expect(changed.subarray(0, 14)).to.deep.equal(message.subarray(6));
    expect(numberOf(withNumber(message, 7, 1), 7)).to.equal(1);
  });
});

describe('the result of connectconformance', () => {
  it('is read from what it printed, with the cases that could not be run', () => {
    const output = [
      'Total cases: 12',
      'FAILED: Basic/a:',
      '\tclient sent code 2',
      'FAILED: Basic/b:',
      '\ttimed out',
      '7 passed, 2 failed',
      '(Another 2 failed as expected due to being known failures/flakes.)',
      'Another 1 could not be run due to client timing out or exiting prematurely.',
    ].join('\n');
    const run = readOutput(output);
    expect(run).to.include({ passed: 7, failed: 3, excused: 2 });
    expect(failuresOf(run)).to.deep.equal([
      'FAILED: Basic/a:\n\tclient sent code 2\n',
      'FAILED: Basic/b:\n\ttimed out\n',
    ]);
  });

  it('is a failure where it printed no counts', () => {
    expect(readOutput('panic: no such file')).to.include({ passed: 0, failed: 1 });
  });
});
