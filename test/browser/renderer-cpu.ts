import { readdirSync, readFileSync } from 'node:fs';
import { cpuMs } from '../attack/support/process-usage.ts';

/**
 * Returns the share of one core, in percent, that the busiest renderer process below this one takes in the next `seconds`: with one page
 * open, that of the page.
 */
export async function busiestRendererPercent(seconds: number): Promise<number> {
  const before = rendererCpuMs();
  await new Promise((done) => setTimeout(done, seconds * 1_000));
  let most = 0;
  for (const [pid, ms] of rendererCpuMs()) most = Math.max(most, ms - (before.get(pid) ?? ms));
  return most / 10 / seconds;
}

/** User and system time of each renderer process that descends from this process. */
function rendererCpuMs(): Map<number, number> {
  const parents = new Map<number, number>();
  const renderers = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    try {
      const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
      parents.set(pid, Number(parent?.[1]));
      if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--type=renderer'))
        renderers.set(pid, cpuMs(pid));
    } catch {
      // The process has ended.
    }
  }
  for (const pid of renderers.keys()) if (!isDescendant(pid, parents)) renderers.delete(pid);
  return renderers;
}

function isDescendant(pid: number, parents: ReadonlyMap<number, number>): boolean {
  for (let at = parents.get(pid); at !== undefined && at > 1; at = parents.get(at))
    if (at === process.pid) return true;
  return false;
}
