import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Result } from '../../core/result.ts';
import { descriptorSetOfProtoFiles } from '../../reflection/definition-files.ts';
import { poolOfDescriptorSet } from '../../reflection/descriptor-set.ts';
import { descriptorBytesMax } from '../../tap/limits.ts';

export interface TypeFiles {
  readonly proto: readonly string[];
  readonly protoPath: readonly string[];
  readonly descriptorSet: string | undefined;
}

/** Reads the types that the user gave as a `FileDescriptorSet`; null for none. The error names the flag and the file. */
export function descriptorsOf({ proto, protoPath, descriptorSet }: TypeFiles): Result<Buffer | null> {
  if (descriptorSet !== undefined) return checked('--descriptor-set', descriptorSet, read(descriptorSet));
  if (proto.length === 0) return { value: null };
  const unread = proto.map((file) => ({ file, ...read(file) })).find(({ error }) => error !== undefined);
  if (unread !== undefined) return { error: `--proto: ${unread.error}` };
  const set = descriptorSetOfProtoFiles(proto, [...protoPath, ...proto.map((file) => dirname(file)), '.']);
  if (set.error === undefined) return checked('--proto', proto[0], set);
  const [reason] = set.error.split('\n', 1);
  return { error: `--proto: ${reason}; name the directory of its imports with --import` };
}

function read(file: string): Result<Buffer> {
  try {
    return { value: readFileSync(file) };
  } catch (error) {
    return { error: `cannot read "${file}": ${(error as NodeJS.ErrnoException).code ?? error}` };
  }
}

function checked(flag: string, file: string, { value, error }: Result<Buffer>): Result<Buffer> {
  if (error !== undefined) return { error: `${flag}: ${error}` };
  if (value.length > descriptorBytesMax)
    return {
      error: `${flag}: "${file}" has ${value.length} bytes of definitions; at most ${descriptorBytesMax} are read`,
    };
  const problem = poolOfDescriptorSet(value).error;
  return problem === undefined ? { value } : { error: `${flag}: "${file}" is not valid: ${problem}` };
}
