import { expect } from 'chai';
import { VirtualClock } from '../../../src/core/clock.ts';
import { lineLogger, logQueueCharsMax } from '../../../src/core/line-logger.ts';

function logged(format: 'text' | 'json', log: (logger: ReturnType<typeof lineLogger>) => void): string {
  let lines = '';
  const write = (line: string): void => {
    lines += line;
  };
  log(lineLogger({ level: 'info', format, clock: new VirtualClock(), write }));
  return lines;
}

const evil = 'a\r\nb\u001b[2J\u007f\u0085\u009b31m\u2028\u2029\u202e\u2066\ud800c';

describe('core/line-logger', () => {
  for (const format of ['text', 'json'] as const) {
    it(`writes one line of plain characters per event as ${format}, whatever a peer sent`, () => {
      const line = logged(format, (logger) => logger.warn(evil, { reason: evil, path: evil, count: 1 }));
      expect(line).to.match(/^[\x20-\x7e]+\n$/);
      if (format === 'json') expect(JSON.parse(line)).to.include({ message: evil, reason: evil, path: evil });
    });

    it(`bounds what it writes as ${format}`, () => {
      const long = 'x'.repeat(1_000_000);
      expect(logged(format, (logger) => logger.warn(long, { reason: long })).length).to.be.below(20_000);
    });

    it(`takes user information out of URLs as ${format}`, () => {
      const line = logged(format, (logger) =>
        logger.warn('failed', { reason: 'no answer of http://me:pw@host:1/x' }),
      );
      expect(line).to.include('http://REDACTED@host:1/x').and.not.include('pw');
    });
  }

  it('quotes facts that are more than a word', () => {
    const line = logged('text', (logger) =>
      logger.info('said', { a: 'x', b: 'x y', c: '', d: 'é', e: 'a=b', f: 1 }),
    );
    expect(line).to.match(/ info {2}said a=x b="x y" d="é" e="a=b" f=1\n$/);
  });

  it('drops lines while their reader stands still, and says how many once it reads again', () => {
    const lines: Array<{ message: string; lines?: number }> = [];
    let waiting = 0;
    const logger = lineLogger({
      level: 'info',
      format: 'json',
      clock: new VirtualClock(),
      write: (line) => void lines.push(JSON.parse(line)),
      waitingChars: () => waiting,
    });
    for (const dropped of [3, 1]) {
      lines.length = 0;
      waiting = logQueueCharsMax + 1;
      for (let i = 0; i < dropped; i++) logger.info('lost');
      expect(lines).to.deep.equal([]);
      waiting = logQueueCharsMax;
      logger.info('read');
      logger.info('read');
      expect(lines.map(({ message, lines: count }) => [message, count])).to.deep.equal([
        ['log lines were dropped because their reader stood still', dropped],
        ['read', undefined],
        ['read', undefined],
      ]);
    }
  });
});
