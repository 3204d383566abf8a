import { parseSource, rawOf } from '../config/source.ts';
import { expand, type Variables } from '../config/variables.ts';
import type { Result } from '../core/result.ts';

/** What the `admin` section of a configuration file says about its addresses. */
export interface AdminSection {
  readonly listen?: string | undefined;
  readonly probes?: string | undefined;
  readonly usesTls: boolean;
}

/** Reads the addresses of the `admin` section of a configuration, with its `${NAME}` filled in. Never throws. */
export function adminSection(file: string, text: string, variables: Variables): Result<AdminSection> {
  const { value: source, problems } = parseSource(file, text);
  if (source === undefined || problems.length > 0)
    return { error: `cannot read ${file}: ${problems[0]?.message ?? 'it has no value'}` };
  const admin = mapOf(mapOf(rawOf(source)).admin);
  const listen = expanded(admin.listen, variables);
  if (listen.error !== undefined) return listen;
  const probes = expanded(admin.probes, variables);
  if (probes.error !== undefined) return probes;
  const usesTls = Object.keys(mapOf(admin.tls)).length > 0;
  return { value: { listen: listen.value ?? undefined, probes: probes.value ?? undefined, usesTls } };
}

function mapOf(raw: unknown): Readonly<Record<string, unknown>> {
  return typeof raw === 'object' && raw !== null ? (raw as Record<string, unknown>) : {};
}

/** Null where the key is missing. */
function expanded(raw: unknown, variables: Variables): Result<string | null> {
  if (typeof raw !== 'string') return { value: null };
  const { value, error } = expand(raw, variables);
  return value === undefined ? { error } : { value: value.text };
}
