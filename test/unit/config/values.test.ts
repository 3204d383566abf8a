import { expect } from 'chai';
import { settingValues, settingValuesMax } from '../../../src/config/values.ts';
import { type LoadOptions, loadText, minimal } from './support.ts';

function valuesOf(text: string | undefined, options: LoadOptions = {}) {
  const loaded = loadText(text, options);
  if (loaded.config === undefined) throw new Error(loaded.problems[0].message);
  const values = settingValues(loaded.config, loaded.originOf ?? (() => undefined));
  return { values, of: (path: string) => values.find((one) => one.path === path) };
}

describe('config/values', () => {
  it('has each setting with its default and what set it: file, variable, flag or nothing', () => {
    const { of } = valuesOf(`${minimal()}drain: { grace: 30s }\n`, {
      env: { OUTRIGGER_LOG_LEVEL: 'debug' },
      flags: { settings: { admin: '127.0.0.1:9' } },
    });
    expect(of('drain.grace')).to.include({ value: '30s', default: '10s' });
    expect(of('drain.grace')?.origin).to.match(/^f\.yaml:\d+$/);
    expect(of('log.level')).to.include({ value: 'debug', default: 'info', origin: 'OUTRIGGER_LOG_LEVEL' });
    expect(of('admin.listen')).to.include({ value: '127.0.0.1:9', origin: '--admin' });
    expect(of('drain.delay')).to.include({ value: '5s', default: '5s', origin: 'default' });
    expect(of('clusters[0].name')?.origin).to.match(/^f\.yaml:\d+$/);
    expect(of('clusters[0].balancer.policy')).to.include({ value: 'least_request', origin: 'default' });
  });

  it('says what holds for a setting without a value', () => {
    const { of } = valuesOf(minimal());
    expect(of('clusters[0].connectTimeout')).to.include({ value: '', origin: 'default' });
    expect(of('clusters[0].connectTimeout')?.default).to.match(/1s/);
  });

  it('names the flags of a run without a file', () => {
    const flags = { from: '127.0.0.1:0', to: ['127.0.0.1:50051'] };
    const { of } = valuesOf(undefined, { flags });
    expect(of('listeners[0].listen')).to.include({ origin: '--from' });
  });

  it('masks secrets', () => {
    const { values } = valuesOf(`${minimal()}admin: { token: f00dfeedf00dfeedf00dfeedf00dfeed }\n`);
    expect(JSON.stringify(values)).not.to.include('f00dfeed');
    expect(values.find(({ path }) => path === 'admin.token')?.origin).to.match(/^f\.yaml:/);
  });

  it('has a limited number of them', () => {
    const endpoints = Array.from({ length: 4_000 }, (_, i) => `      - 10.0.${i >> 8}.${i & 255}:1`).join(
      '\n',
    );
    const text = `listeners: [{ name: in, listen: 127.0.0.1:0, routes: [{ name: r, cluster: c }] }]\nclusters:\n  - name: c\n    endpoints:\n${endpoints}\n`;
    expect(valuesOf(text).values).to.have.length(settingValuesMax);
  });
});
