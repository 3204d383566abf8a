import { readFileSync } from 'node:fs';
import { type Address, parseAddress } from '../core/address.ts';
import type { Result } from '../core/result.ts';
import type { AdminSection } from './admin-section.ts';
import { flagValue } from './sidecar-arguments.ts';

/** Where `/ready` is served. */
export interface Target {
  readonly address: Address;
  readonly usesTls: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The default of `admin.listen`; a test compares the two. */
export const defaultAdminAddress = '127.0.0.1:15000';

/**
 * Finds out where a sidecar with these arguments and this environment serves `/ready`: a flag overrides a variable, and a variable
 * the file. Prefers `admin.probes`, which is plain text. Never throws.
 */
export async function targetOf(words: readonly string[], env: Environment): Promise<Result<Target>> {
  const section = await sectionOf(words, env);
  if (section.value === undefined) return section;
  const { listen, probes, usesTls } = section.value;
  const probesText = env.OUTRIGGER_ADMIN_PROBES || probes;
  const text =
    probesText ?? flagValue(words, 'admin') ?? (env.OUTRIGGER_ADMIN || listen) ?? defaultAdminAddress;
  const address = parseAddress(text);
  if (address.value === undefined) return address;
  if (address.value.kind === 'tcp' && address.value.port === 0)
    return { error: `the admin address is ${text}, whose port the system chooses; write a port` };
  const hasTls = usesTls || Boolean(env.OUTRIGGER_ADMIN_TLS_CERT);
  return { value: { address: address.value, usesTls: probesText === undefined && hasTls } };
}

async function sectionOf(words: readonly string[], env: Environment): Promise<Result<AdminSection>> {
  const file = fileOf(words, env);
  if (file === undefined) return { value: { usesTls: false } };
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return { error: `cannot read ${file}: ${(error as NodeJS.ErrnoException).code ?? error}` };
  }
  // A key can be written with escapes, so a file without either has no such section. The YAML parser more than doubles the CPU of a check.
  if (!text.includes('admin') && !text.includes('\\')) return { value: { usesTls: false } };
  const { adminSection } = await import('./admin-section.ts');
  return adminSection(file, text, env);
}

/** The configuration file; undefined for a run with `--from` and `--to`, which win over a variable that names a file. */
function fileOf(words: readonly string[], env: Environment): string | undefined {
  const flag = flagValue(words, 'config', 'c');
  if (flag !== undefined) return flag;
  const hasTargets = flagValue(words, 'from') !== undefined || flagValue(words, 'to') !== undefined;
  return hasTargets ? undefined : env.OUTRIGGER_CONFIG || undefined;
}
