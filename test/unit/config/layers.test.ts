import { expect } from 'chai';
import { readEnvironment } from '../../../src/config/environment.ts';
import { type FlagValues, mergeLayers } from '../../../src/config/layers.ts';
import type { RawMap } from '../../../src/schema/scalar-type.ts';

interface Layered {
  readonly file?: RawMap;
  readonly env?: Readonly<Record<string, string>>;
  readonly flags?: FlagValues;
}

const merge = ({ file = {}, env = {}, flags = {} }: Layered): ReturnType<typeof mergeLayers> =>
  mergeLayers({ file, environment: readEnvironment(env), flags });

describe('config/layers', () => {
  it('without anything are the defaults, as a file would have them', () => {
    const { raw, problems } = merge({});
    expect(problems).to.deep.equal([]);
    expect(raw.drain).to.deep.equal({ delay: '5s', grace: '10s', goawayDelay: '1s' });
    expect(raw.listeners).to.deep.equal([]);
    expect(JSON.stringify(raw)).to.not.include('null');
  });

  it('keep lists of the file as they are', () => {
    const listeners = [{ name: 'a', limits: { idleTimeout: '1s', maxGlitches: undefined } }];
    expect(merge({ file: { listeners } as unknown as RawMap }).raw.listeners).to.deep.equal(listeners);
  });

  it('take texts as they are: a service may be called 0x10, 1e3 or true', () => {
    for (const name of ['0x10', '1e3', 'true', '007']) {
      const { raw } = merge({
        env: { OUTRIGGER_SERVICE_NAME: name },
        flags: { 'access-log': `file:${name}` },
      });
      expect(raw.telemetry).to.deep.include({ serviceName: name });
      expect(raw.telemetry).to.have.nested.property('accessLog.to', `file:${name}`);
    }
  });

  it('tell every wrong value of a flag or variable, each once', () => {
    const { problems } = merge({
      env: { OUTRIGGER_DRAIN_GRACE: 'x', OUTRIGGER_LOG_LEVEL: 'x' },
      flags: { admin: 'x' },
    });
    expect(problems.map((problem) => problem.file)).to.have.members([
      'OUTRIGGER_DRAIN_GRACE',
      'OUTRIGGER_LOG_LEVEL',
      '--admin',
    ]);
  });

  it('do not remember earlier ones', () => {
    merge({ env: { OUTRIGGER_DRAIN_GRACE: '3s' } });
    expect(merge({}).raw.drain).to.deep.include({ grace: '10s' });
  });
});
