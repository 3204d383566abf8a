import { expect } from 'chai';
import { type LogFacts, silentLogger } from '../../../src/core/logger.ts';
import { ExportWatch } from '../../../src/telemetry/export-watch.ts';

describe('telemetry/export-watch', () => {
  function watched() {
    const lines: Array<[string, LogFacts | undefined]> = [];
    const keep = (message: string, facts?: LogFacts): void => void lines.push([message, facts]);
    return {
      lines,
      watch: new ExportWatch('spans', 'http://c:4318', { ...silentLogger, info: keep, warn: keep }),
    };
  }

  it('says once that exports fail and once that they work again, with what was lost', () => {
    const { lines, watch } = watched();
    watch.succeeded(5);
    for (let i = 0; i < 100; i++) watch.failure(10, new Error('refused'));
    watch.overflow(3);
    watch.succeeded(1);
    watch.succeeded(1);
    expect(lines.map(([, facts]) => facts)).to.deep.equal([
      { collector: 'http://c:4318', reason: 'refused' },
      { collector: 'http://c:4318', lost: 1003 },
    ]);
    expect(watch).to.include({ exported: 7, failed: 1000, dropped: 3 });
  });

  it('shows no credentials of the collector, neither those of its URL nor those that an error quotes', () => {
    const lines: string[] = [];
    const keep = (_: string, facts?: LogFacts): void => void lines.push(JSON.stringify(facts));
    const logger = { ...silentLogger, info: keep, warn: keep };
    const watch = new ExportWatch('spans', 'https://me:hunter2@c:4318/x?team=hunter2', logger);
    watch.failure(1, new Error('no answer of https://hunter2@c:4318/v1/traces?key=hunter2'));
    expect(lines).to.deep.equal([
      '{"collector":"https://•••@c:4318/x?•••","reason":"no answer of https://•••@c:4318/v1/traces?•••"}',
    ]);
  });

  it('says once that the queue is full', () => {
    const { lines, watch } = watched();
    for (let i = 0; i < 100; i++) watch.overflow(2);
    expect(lines).to.have.lengthOf(1);
    expect(lines[0][0]).to.match(/more spans are produced than the collector accepts/);
  });

  it('finds words for errors that have none', () => {
    const { lines, watch } = watched();
    watch.failure(1, Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' }));
    expect(lines[0][1]?.reason).to.equal('ECONNREFUSED');
    watched().watch.failure(1, undefined);
  });
});
