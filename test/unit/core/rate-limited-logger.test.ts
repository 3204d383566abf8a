import { expect } from 'chai';
import { VirtualClock } from '../../../src/core/clock.ts';
import { lineLogger } from '../../../src/core/line-logger.ts';
import { rateLimitedLogger } from '../../../src/core/rate-limited-logger.ts';

describe('core/rate-limited-logger', () => {
  const clock = new VirtualClock();
  const lines: string[] = [];
  const logger = rateLimitedLogger(
    lineLogger({ level: 'info', format: 'text', clock, write: (line) => lines.push(line.slice(25).trim()) }),
    clock,
  );

  it('writes ten lines a second of one message, and says later how many there were', () => {
    for (let i = 0; i < 1000; i++) logger.warn('refused', { peer: i });
    logger.info('another');
    clock.advance(1000);
    logger.warn('refused', { peer: 1000 });
    logger.warn('refused', { peer: 1001 });
    expect(lines).to.have.length(13);
    expect(lines[9]).to.equal('warn  refused peer=9');
    expect(lines.slice(10)).to.deep.equal([
      'info  another',
      'warn  refused peer=1000 suppressed=990',
      'warn  refused peer=1001',
    ]);
  });

  it('remembers a hundred messages at the most: whoever makes them up cannot fill the memory', () => {
    for (let i = 0; i < 20; i++) logger.info('many');
    lines.length = 0;
    for (let i = 0; i < 100; i++) logger.info(`made up ${i}`);
    logger.info('many');
    expect(lines.at(-1), 'it begins anew').to.equal('info  many');
  });
});
