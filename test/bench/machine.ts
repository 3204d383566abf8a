import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { arch, cpus, platform, release, totalmem } from 'node:os';

/** Clock ticks a second of utime and stime: 100 on every Linux that Node runs on (proc(5), sysconf(_SC_CLK_TCK)). */
const ticksPerSecond = 100;

/** CPU time, user and system, of a process and all that descend from it, in microseconds; proc(5), `stat` 14 and 15. */
export function treeCpuMicros(pid: number): number {
  let ticks = 0;
  for (const { stat } of tree(pid)) ticks += Number(stat[11]) + Number(stat[12]);
  return (ticks * 1_000_000) / ticksPerSecond;
}

interface ProcessStat {
  readonly pid: number;
  /** Fields from the third on: what follows the name, which may hold blanks, in brackets. */
  readonly stat: readonly string[];
}

function tree(root: number): ProcessStat[] {
  const all: ProcessStat[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const text = readFileSync(`/proc/${name}/stat`, 'latin1');
      all.push({ pid: Number(name), stat: text.slice(text.lastIndexOf(')') + 2).split(' ') });
    } catch {
      // Gone since the listing.
    }
  }
  const found = all.filter(({ pid }) => pid === root);
  for (let i = 0; i < found.length; i++)
    for (const entry of all) if (Number(entry.stat[1]) === found[i].pid) found.push(entry);
  return found;
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
}

export function describeMachine(): Machine {
  const processors = cpus();
  return {
    cpu: processors[0]?.model ?? 'unknown',
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()} ${arch()}`,
    node: process.version,
  };
}

/** Abbreviated hash of HEAD, with `+` behind it where the work tree differs; '' outside a repository. */
export function commitName(): string {
  try {
    const git = (...args: string[]) =>
      execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    const changed = git('status', '--porcelain', '--untracked-files=no', '--', 'src').trim() !== '';
    return git('rev-parse', '--short', 'HEAD').trim() + (changed ? '+' : '');
  } catch {
    return '';
  }
}

/** Whether a program is on the path. */
export function isInstalled(program: string): boolean {
  try {
    execFileSync('which', [program], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
