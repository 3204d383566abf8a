import { expect } from 'chai';
import { configOf } from '../../../src/cli/run.ts';
import type { Config } from '../../../src/config/table.ts';
import { fixedKeyProblems } from '../../../src/runtime/fixed-keys.ts';

const config = (more: object = {}): Config =>
  configOf({
    listeners: [{ name: 'in', listen: '127.0.0.1:0', routes: [{ name: 'all', cluster: 'c' }] }],
    clusters: [{ name: 'c', endpoints: [{ address: '127.0.0.1:9' }] }],
    ...more,
  });
const place = { file: 'f.yaml', line: 3, column: 5 };
const told = (before: object, after: object): string[] =>
  fixedKeyProblems(config(before), config(after), () => place).map(
    ({ path, message }) => `${path}: ${message}`,
  );

describe('keys that only a start can change', () => {
  it('are told with what they were and are', () => {
    expect(told({}, { limits: { bufferedBytes: '64MiB' } })).to.deep.equal([
      'limits.bufferedBytes: was "128MiB" and is now "64MiB", which takes a restart; restart, or leave it as it was',
    ]);
    expect(told({}, { drain: { handover: '2s' } })[0]).to.match(
      /^drain.handover: was not there and is now "2s"/,
    );
    expect(told({}, { telemetry: { traces: { propagators: [] } } })[0]).to.match(
      /^telemetry.traces.propagators: /,
    );
    expect(told({ admin: { listen: '127.0.0.1:1' } }, {})[0]).to.match(/^admin.listen: was "127.0.0.1:1"/);
  });

  it('the others may change', () => {
    const after = {
      drain: { grace: '1s' },
      log: { level: 'debug' },
      clusters: [{ name: 'c', endpoints: [{ address: '127.0.0.1:10' }] }],
    };
    expect(told({}, after)).to.deep.equal([]);
  });
});
