import { expect } from 'chai';
import { checkMachine, type MachineFacts } from '../../../../src/cli/check/machine.ts';
import { loadConfig } from '../../../../src/config/load.ts';
import type { Config } from '../../../../src/config/table.ts';

describe('cli/check/machine', () => {
  const config = loadConfig({
    flags: { from: '127.0.0.1:1', to: ['127.0.0.1:2'] },
    env: {},
    checkRegex: () => undefined,
  }).config as Config;
  const good: MachineFacts = {
    wallMs: Date.UTC(2026, 0, 1),
    descriptorsMax: 100_000,
    freeMemoryBytes: 8 << 30,
  };
  const results = (facts: Partial<MachineFacts>) =>
    checkMachine(config, { ...good, freeMemoryBytes: 2 ** 32, ...facts }).map(
      ({ check, result }) => `${check} ${result}`,
    );

  it('a machine with room for everything passes', () => {
    expect(results({})).to.deep.equal(['file-descriptors ok', 'memory ok', 'clock ok']);
    expect(results({ descriptorsMax: Number.POSITIVE_INFINITY })[0]).to.equal('file-descriptors ok');
  });

  it('fewer descriptors than the limits allow connections are a warning, with the number to set', () => {
    const [finding] = checkMachine(config, { ...good, descriptorsMax: 1024 });
    expect(finding).to.include({ check: 'file-descriptors', result: 'warning' });
    // 10,000 clients, 1,024 connections to endpoints, 64 of the process itself.
    expect(finding.fix).to.include('ulimit -n 11088');
    expect(results({ descriptorsMax: 11_088 })[0]).to.equal('file-descriptors ok');
    expect(results({ descriptorsMax: 11_087 })[0]).to.equal('file-descriptors warning');
  });

  it('little free memory is a warning, and a clock that was never set a failure', () => {
    expect(results({ freeMemoryBytes: 1 << 20 })[1]).to.equal('memory warning');
    expect(results({ wallMs: 0 })[2]).to.equal('clock failed');
  });
});
