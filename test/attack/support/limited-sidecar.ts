import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ConfigShape } from '../../support/sidecar.ts';
import { until } from '../../support/until.ts';

/** A sidecar that may open so many descriptors and no more. */
export interface LimitedSidecar {
  readonly pid: number;
  readonly target: string;
  readonly adminUrl: string;
  readonly stderr: string;
  readonly exited: boolean;
  stop(): Promise<void>;
}

const entry = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));

export async function startLimitedSidecar(
  shape: ConfigShape,
  descriptorsMax: number,
): Promise<LimitedSidecar> {
  const folder = mkdtempSync(join(tmpdir(), 'outrigger-attack-'));
  const file = join(folder, 'outrigger.yaml');
  writeFileSync(file, JSON.stringify({ admin: { listen: '127.0.0.1:0' }, ...shape }));
  const command = `ulimit -n ${descriptorsMax} && exec "$0" "$@"`;
  const child = spawn('sh', ['-c', command, process.execPath, entry, 'run', '--config', file], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env.PATH, HOME: tmpdir() },
  });
  const endWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithUs);
  const exit = once(child, 'close').then(() => {
    process.removeListener('exit', endWithUs);
    rmSync(folder, { recursive: true });
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const said = async (pattern: RegExp): Promise<string> => {
    await until(
      () => pattern.test(stderr),
      () => `nothing like ${pattern} in: ${stderr}`,
      10_000,
    );
    return pattern.exec(stderr)![1];
  };
  const adminUrl = await said(/admin page url=(http:\S+)\//);
  return {
    pid: child.pid ?? 0,
    adminUrl,
    target: await said(/listening listener=\S+ address=(\S+)/),
    get stderr() {
      return stderr;
    },
    get exited() {
      return child.exitCode !== null || child.signalCode !== null;
    },
    stop: async () => {
      child.kill('SIGKILL');
      await exit;
    },
  };
}
