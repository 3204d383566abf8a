import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { parseArguments } from '../../src/cli/arguments.ts';
import { configOf } from '../../src/cli/run.ts';
import { shutdownMaxMs } from '../../src/telemetry/otel.ts';
import { fencesOf } from './fences.ts';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const unit = read('examples/outrigger.service');
const program = '/usr/local/bin/outrigger';
const setting = (key: string): string => new RegExp(`^${key}=(.*)$`, 'm').exec(unit)![1];
/** From 0, the most confined, to 10; a tenth of what `systemd-analyze security --threshold` takes. */
const exposureMax = 1.5;

/** Runs systemd-analyze on the unit, with a program that exists; what it wrote. */
function analyze(...args: string[]): { readonly status: number | null; readonly output: string } {
  const folder = mkdtempSync(join(tmpdir(), 'outrigger-systemd-'));
  const file = join(folder, 'outrigger.service');
  writeFileSync(file, unit.replaceAll(program, process.execPath));
  try {
    const { status, stdout, stderr } = spawnSync('systemd-analyze', [...args, file], { encoding: 'utf8' });
    return { status, output: `${stdout}${stderr}` };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('docs/tasks/systemd.md', () => {
  before(function () {
    const { error } = spawnSync('systemd-analyze', ['--version']);
    if (error !== undefined && process.env.CI !== 'true') this.skip();
  });

  it('shows examples/outrigger.service', () => {
    const shown = fencesOf(read('docs/tasks/systemd.md')).find(({ language }) => language === 'ini')?.text;
    expect(shown).to.equal(unit);
  });

  it('the commands of the unit are commands of Outrigger', () => {
    const commands = { ExecStart: 'run', ExecStartPost: 'ready', ExecReload: 'reload' };
    for (const [key, name] of Object.entries(commands)) {
      const [path, ...args] = setting(key).split(' ');
      const { value, error } = parseArguments(args);
      expect([path, error, value?.command.name]).to.deep.equal([program, undefined, name]);
    }
  });

  it('a drain with the defaults ends before systemd kills the process', () => {
    const { drain } = configOf({
      listeners: [{ name: 'in', listen: '127.0.0.1:0', routes: [{ name: 'all', cluster: 'a' }] }],
      clusters: [{ name: 'a', endpoints: [{ address: '127.0.0.1:1' }] }],
    });
    const stopMs = Number.parseInt(setting('TimeoutStopSec'), 10) * 1000;
    expect(drain.delayMs + drain.graceMs + shutdownMaxMs).to.be.below(stopMs);
  });

  it('systemd finds nothing wrong with the unit, and rates it as the page says', () => {
    // It warns of an unknown key and still exits with 0.
    expect(analyze('verify', '--man=no')).to.deep.equal({ status: 0, output: '' });
    const threshold = `--threshold=${exposureMax * 10}`;
    const { status, output } = analyze('security', '--offline=yes', '--no-pager', threshold);
    expect(status, output).to.equal(0);
    expect(output).to.match(new RegExp(`exposure level for outrigger.service: ${exposureMax} OK`));
    expect(read('docs/tasks/systemd.md')).to.include(`rates this unit ${exposureMax} `);
  });
});
