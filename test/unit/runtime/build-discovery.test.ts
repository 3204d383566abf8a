import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { ClusterConfig } from '../../../src/config/table.ts';
import { formatAddress } from '../../../src/core/address.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import type { DiscoverySource } from '../../../src/discovery/source.ts';
import { buildDiscovery } from '../../../src/runtime/build-discovery.ts';
import { until } from '../../support/until.ts';

describe('discovery from a file on disk', () => {
  let folder: string;
  let path: string;
  let source: DiscoverySource;
  let published: string[];

  const yaml = (...addresses: string[]): string =>
    `endpoints:\n${addresses.map((address) => `  - { address: "${address}", weight: 2 }\n`).join('')}`;
  const becomes = (...addresses: string[]): Promise<void> =>
    until(
      () => published.at(-1) === addresses.join(),
      () => `${published.join(' | ')}; ${source.status.lastError}`,
    );
  function start(): void {
    const balancer = { preferZone: true };
    const config = { balancer, discovery: { file: { path, intervalMs: 10 } } } as ClusterConfig;
    const deps = { clock: systemClock, random: new SeededRandom(1), logger: silentLogger, env: {}, zone: '' };
    source = buildDiscovery(config, deps);
    source.start((list) => published.push(list.map((e) => formatAddress(e.address)).join()));
  }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'outrigger-endpoints-'));
    path = join(folder, 'endpoints.yaml');
    published = [];
  });
  afterEach(() => {
    source.stop();
    rmSync(folder, { recursive: true });
  });

  it('follows a file that is written in place, and one that is replaced by another', async () => {
    writeFileSync(path, yaml('10.0.0.1:80'));
    start();
    await becomes('10.0.0.1:80');
    writeFileSync(path, yaml('10.0.0.1:80', '10.0.0.2:80'));
    await becomes('10.0.0.1:80', '10.0.0.2:80');
    writeFileSync(`${path}.new`, JSON.stringify({ endpoints: [{ address: '10.0.0.3:80' }] }));
    renameSync(`${path}.new`, path);
    await becomes('10.0.0.3:80');
  });

  it('follows the symbolic links of a Kubernetes ConfigMap', async () => {
    const publish = (version: string, ...addresses: string[]): void => {
      mkdirSync(join(folder, version));
      writeFileSync(join(folder, version, 'endpoints.yaml'), yaml(...addresses));
      symlinkSync(version, join(folder, '..data_tmp'));
      renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
    };
    publish('..v1', '10.0.0.1:80');
    symlinkSync('..data/endpoints.yaml', path);
    start();
    await becomes('10.0.0.1:80');
    publish('..v2', '10.0.0.2:80');
    rmSync(join(folder, '..v1'), { recursive: true });
    await becomes('10.0.0.2:80');
  });

  it('waits for a file that is not there yet, and keeps the last good list when it goes or is wrong', async () => {
    start();
    await until(
      () => source.status.lastError.endsWith('does not exist; write the path of a file that lists endpoints'),
      () => source.status.lastError,
    );
    writeFileSync(path, yaml('10.0.0.1:80'));
    await becomes('10.0.0.1:80');
    for (const [content, problem] of [
      [
        'endpoints:\n  - { address: "10.0.0.2" }\n',
        /endpoints\.yaml:2:16 endpoints\[0\]\.address: .* has no port/,
      ],
      ['endpoints:\n  - { adress: "10.0.0.2:1" }\n', /write address/],
      ['endpoints: []\n', /endpoints: is empty; write at least one endpoint/],
      ['endpoints: [{ address: "10.0.0.2:1" }', /the "\[" here is never closed/],
      ['', /is empty; write endpoints/],
    ] as const) {
      writeFileSync(path, content);
      await until(
        () => problem.test(source.status.lastError),
        () => `${content}: ${source.status.lastError}`,
      );
      expect(published).to.deep.equal(['10.0.0.1:80']);
    }
    rmSync(path);
    writeFileSync(path, yaml('10.0.0.4:80'));
    await becomes('10.0.0.4:80');
    expect(source.status.lastError).to.equal('');
  });
});
