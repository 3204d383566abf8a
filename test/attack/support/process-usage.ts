import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks of /proc, always 100 a second on Linux. */
const tickMs = 10;

/** Resident memory of a process, MiB; 0 once it has ended. */
export function rssMiB(pid: number): number {
  try {
    const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
    return line === null ? 0 : Number(line[1]) / 1024;
  } catch {
    return 0;
  }
}

/** User and system time of a process so far, milliseconds. */
export function cpuMs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * tickMs;
}

/** Open descriptors of a process. */
export function descriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** The highest resident memory while it watches, MiB. */
export class RssWatch {
  peakMiB: number;
  private readonly pid: number;
  private readonly timer: NodeJS.Timeout;

  constructor(pid: number) {
    this.pid = pid;
    this.peakMiB = rssMiB(pid);
    this.timer = setInterval(() => this.check(), 20);
  }

  stop(): number {
    clearInterval(this.timer);
    this.check();
    return this.peakMiB;
  }

  private check(): void {
    this.peakMiB = Math.max(this.peakMiB, rssMiB(this.pid));
  }
}
