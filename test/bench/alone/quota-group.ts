import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';

const periodUs = 100_000;
const root = '/sys/fs/cgroup';
/** The files of version 1, where CPU, its accounting and memory are trees of their own. */
const trees = ['cpu', 'cpuacct', 'memory'] as const;

/** Limits as those of a container: thousandths of a core, and MiB. */
export interface QuotaLimits {
  readonly milliCores: number;
  readonly memoryMiB: number;
}

/** '' where this process may make control groups, else why not. */
export function quotaMissing(): string {
  const folders = isVersion2() ? [root] : trees.map((tree) => `${root}/${tree}`);
  try {
    for (const folder of folders) accessSync(folder, constants.W_OK);
  } catch {
    return `${folders.join(', ')} cannot be written; run as root, in a container with its own control groups`;
  }
  if (!isVersion2()) return '';
  const enabled = readFileSync(`${root}/cgroup.subtree_control`, 'utf8').split(/\s+/);
  return enabled.includes('cpu') && enabled.includes('memory')
    ? ''
    : `${root}/cgroup.subtree_control has no cpu and memory`;
}

/** A control group with the limits of a small container, of version 1 or 2. */
export class QuotaGroup {
  private readonly folders: readonly string[];

  constructor(name: string, { milliCores, memoryMiB }: QuotaLimits) {
    const quotaUs = (milliCores * periodUs) / 1000;
    const bytes = memoryMiB * 1024 * 1024;
    this.folders = isVersion2() ? [`${root}/${name}`] : trees.map((tree) => `${root}/${tree}/${name}`);
    for (const folder of this.folders) mkdirSync(folder);
    const [first, , memory] = this.folders;
    if (isVersion2()) {
      writeFileSync(`${first}/cpu.max`, `${quotaUs} ${periodUs}`);
      writeFileSync(`${first}/memory.max`, String(bytes));
      return;
    }
    writeFileSync(`${first}/cpu.cfs_period_us`, String(periodUs));
    writeFileSync(`${first}/cpu.cfs_quota_us`, String(quotaUs));
    writeFileSync(`${memory}/memory.limit_in_bytes`, String(bytes));
  }

  /** A command that moves itself into the group and becomes the program. */
  command(program: readonly string[]): string[] {
    const enter = this.folders.map((folder) => `echo $$ > ${folder}/cgroup.procs`).join(' && ');
    return ['sh', '-c', `${enter} && exec "$@"`, 'sh', ...program];
  }

  /** CPU time that the group has used, milliseconds. */
  cpuMs(): number {
    if (!isVersion2()) return Number(readFileSync(`${this.folders[1]}/cpuacct.usage`, 'utf8')) / 1e6;
    const [, usedUs] = /^usage_usec (\d+)/m.exec(readFileSync(`${this.folders[0]}/cpu.stat`, 'utf8')) ?? [];
    return Number(usedUs) / 1000;
  }

  /** Once its processes have ended. */
  remove(): void {
    for (const folder of this.folders) rmdirSync(folder);
  }
}

function isVersion2(): boolean {
  return existsSync(`${root}/cgroup.controllers`);
}
