import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { sidecarArguments } from '../../../src/health-check/sidecar-arguments.ts';

describe('health-check/sidecar-arguments', () => {
  let proc: string;
  beforeEach(() => {
    proc = mkdtempSync(join(tmpdir(), 'outrigger-proc-'));
    mkdirSync(join(proc, 'self'));
  });
  afterEach(() => rmSync(proc, { recursive: true }));

  const addProcess = (id: number, ...words: string[]): void => {
    mkdirSync(join(proc, String(id)));
    writeFileSync(join(proc, String(id), 'cmdline'), words.map((word) => `${word}\0`).join(''));
  };

  for (const program of ['/usr/local/bin/outrigger', 'dist/main.js', '/app/src/main.ts'])
    it(`finds node ${program} run`, () => {
      addProcess(1, '/usr/local/bin/node', program, 'run', '--config', 'a b.yaml');
      expect(sidecarArguments(proc)).to.deep.equal(['--config', 'a b.yaml']);
    });

  it('finds the sidecar behind an init process, and options of Node before the program', () => {
    addProcess(1, '/sbin/docker-init', '--', 'outrigger', 'version');
    addProcess(20, 'node', 'dist/health-check/main.js');
    addProcess(7, 'node', '--max-old-space-size=64', 'dist/main.js', 'run', '--admin', ':1');
    expect(sidecarArguments(proc)).to.deep.equal(['--admin', ':1']);
  });

  it('finds nothing where no process runs it', () => {
    addProcess(1, 'node', '/usr/local/bin/outrigger', 'demo');
    addProcess(2);
    expect(sidecarArguments(proc)).to.equal(undefined);
    expect(sidecarArguments(join(proc, 'none'))).to.equal(undefined);
  });
});
