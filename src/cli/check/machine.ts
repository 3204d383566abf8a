import { readdirSync, readFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { bytesText } from '../../admin/quantities.ts';
import type { Config } from '../../config/table.ts';
import { memoryMarks } from '../../runtime/memory.ts';
import { type Finding, Findings } from './finding.ts';

/** Below this, a process that holds a few thousand connections runs out of memory. */
const memoryBytesMin = 128 * 1024 * 1024;
/** The year before the first release: a clock that shows less was never set. */
const earliestWallMs = Date.UTC(2025, 0, 1);
/** Descriptors of a process without connections: listeners, logs, timers. */
const ownDescriptors = 64;

const subject = 'this machine';

/** What the checks of the machine read; tests replace it. */
export interface MachineFacts {
  readonly wallMs: number;
  /** Descriptors that a process may open; Infinity where the system does not report it. */
  readonly descriptorsMax: number;
  readonly freeMemoryBytes: number;
}

export function machineFacts(wallMs: number): MachineFacts {
  return { wallMs, descriptorsMax: descriptorLimit('self'), freeMemoryBytes: freemem() };
}

/** Checks what the configuration requires of this machine: file descriptors, memory and a clock that is set. */
export function checkMachine(config: Config, facts: MachineFacts): readonly Finding[] {
  const found = new Findings(subject);
  checkDescriptors(config, facts, found);
  checkMemory(config, facts, found);
  if (facts.wallMs < earliestWallMs)
    found.failed(
      'clock',
      `the clock shows ${new Date(facts.wallMs).toISOString()}`,
      'set the clock: certificates are not valid yet at that time',
    );
  else found.ok('clock', `the clock shows ${new Date(facts.wallMs).toISOString().slice(0, 19)}Z`);
  return found.list;
}

function checkDescriptors(config: Config, { descriptorsMax }: MachineFacts, found: Findings): void {
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0);
  const clients = sum(config.listeners.map(({ limits }) => limits.maxConnections));
  const upstream = sum(config.clusters.map(({ limits }) => limits.maxConnections));
  const needed = clients + upstream + ownDescriptors;
  const limits = `the limits of the configuration allow ${clients} connections of clients and ${upstream} to endpoints`;
  if (!Number.isFinite(descriptorsMax))
    return found.ok('file-descriptors', 'the system reports no limit for file descriptors');
  if (descriptorsMax >= needed)
    return found.ok('file-descriptors', `${descriptorsMax} file descriptors are allowed; ${limits}`);
  found.warning(
    'file-descriptors',
    `only ${descriptorsMax} file descriptors are allowed; ${limits}`,
    `raise the limit to ${needed} (ulimit -n ${needed}; systemd: LimitNOFILE=${needed}), or lower limits.maxConnections`,
  );
}

function checkMemory(config: Config, { freeMemoryBytes }: MachineFacts, found: Findings): void {
  const { residentBytesMax } = memoryMarks(config.limits);
  const { bufferedBytes } = config.limits;
  if (residentBytesMax < memoryBytesMin)
    found.warning(
      'memory',
      `Outrigger refuses new calls above ${bytesText(residentBytesMax)} of memory`,
      `give the container ${bytesText(memoryBytesMin)} or more, or raise limits.memoryBytes`,
    );
  else if (bufferedBytes > residentBytesMax / 2)
    found.warning(
      'memory',
      `limits.bufferedBytes is ${bytesText(bufferedBytes)}, more than half of the ${bytesText(residentBytesMax)} above which Outrigger refuses new calls`,
      'lower limits.bufferedBytes, or give the container more memory',
    );
  else if (freeMemoryBytes < memoryBytesMin)
    found.warning(
      'memory',
      `only ${bytesText(freeMemoryBytes)} of memory are free on this machine`,
      'stop other processes, or use a machine with more memory',
    );
  else
    found.ok(
      'memory',
      `${bytesText(freeMemoryBytes)} are free; Outrigger refuses new calls above ${bytesText(residentBytesMax)}`,
    );
}

/** Returns how many descriptors a process may open, by its id or `self`; Infinity where nobody reports it. */
export function descriptorLimit(process: number | 'self'): number {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${process}/limits`, 'latin1'));
    return limit === null ? Number.POSITIVE_INFINITY : Number(limit[1]);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** Returns how many descriptors another process has open; undefined where this user may not see it. */
export function openDescriptors(process: number): number | undefined {
  try {
    return readdirSync(`/proc/${process}/fd`).length;
  } catch {
    return undefined;
  }
}
