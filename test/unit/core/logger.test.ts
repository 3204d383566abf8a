import { expect } from 'chai';
import { type LogFacts, type Logger, loggerWith } from '../../../src/core/logger.ts';

describe('core/logger', () => {
  it('adds facts to every line, before those of the line', () => {
    const lines: [string, LogFacts | undefined][] = [];
    const log = (message: string, facts?: LogFacts) => void lines.push([message, facts]);
    const named = loggerWith({ debug: log, info: log, warn: log, error: log } satisfies Logger, {
      cluster: 'orders',
    });
    named.warn('a', { endpoint: 'b' });
    named.info('c');
    named.debug('d', { cluster: 'own' });
    named.error('e');
    expect(lines).to.deep.equal([
      ['a', { cluster: 'orders', endpoint: 'b' }],
      ['c', { cluster: 'orders' }],
      ['d', { cluster: 'own' }],
      ['e', { cluster: 'orders' }],
    ]);
  });
});
