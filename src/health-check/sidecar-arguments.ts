import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Processes of a container that are searched, lowest ids first; the sidecar is 1, or a child of an init process. */
const processesMax = 1024;
/** The program as the image, the package and the sources name it. */
const program = /(^|\/)(outrigger|main\.[jt]s)$/;

/**
 * Returns what follows `outrigger run` on the command line of the running sidecar, or undefined if there is none. A command in
 * the container inherits its environment but not the arguments of its first process, so they come from `/proc`.
 */
export function sidecarArguments(procFolder = '/proc'): readonly string[] | undefined {
  for (const id of processIds(procFolder)) {
    const words = commandLine(join(procFolder, String(id), 'cmdline'));
    const at = words.findIndex((word, i) => program.test(word) && words[i + 1] === 'run');
    if (at >= 0) return words.slice(at + 2);
  }
  return undefined;
}

function processIds(procFolder: string): number[] {
  try {
    const ids = readdirSync(procFolder).filter((name) => /^[1-9]\d*$/.test(name));
    return ids
      .map(Number)
      .sort((a, b) => a - b)
      .slice(0, processesMax);
  } catch {
    return [];
  }
}

/** Empty for a process that has ended meanwhile, or belongs to another user. */
function commandLine(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\0').slice(0, -1);
  } catch {
    return [];
  }
}

/** Returns the value of a flag: `--name VALUE`, `--name=VALUE`, and `-n VALUE` or `-nVALUE` for its short form. */
export function flagValue(words: readonly string[], name: string, short?: string): string | undefined {
  for (const [i, word] of words.entries()) {
    if (word === `--${name}` || (short !== undefined && word === `-${short}`)) return words[i + 1];
    if (word.startsWith(`--${name}=`)) return word.slice(name.length + 3);
    if (short !== undefined && word.startsWith(`-${short}`)) return word.slice(2);
  }
  return undefined;
}
