import type { Environment } from '../config/environment.ts';
import { admin } from '../config/table/admin.ts';
import type { Address } from '../core/address.ts';
import type { Result } from '../core/result.ts';

/** Where the running sidecar's admin server is: `--admin`, else `OUTRIGGER_ADMIN`, else the default. */
export function adminAddress(flag: string | undefined, env: Environment): Result<Address> {
  const { type, default: otherwise, variable } = admin.keys.listen;
  const fromVariable = variable === undefined ? undefined : env[variable] || undefined;
  const result = type.parse(flag ?? fromVariable ?? otherwise ?? '');
  if (result.value !== undefined) return result;
  return { error: `${flag === undefined ? variable : '--admin'}: ${result.error}` };
}
