import { readFileSync } from 'node:fs';
import type { AdminSecurity } from '../admin/renewable-security.ts';
import type { AdminServer } from '../admin/server.ts';
import { tokenOfFile } from '../config/table/admin-token.ts';
import type { Config } from '../config/table.ts';
import type { Logger } from '../core/logger.ts';
import { serverTls } from '../security/tls-files.ts';

/** Reads what the admin server is guarded by. Throws a sentence where a file cannot be read; loading the configuration checked it before. */
export function adminSecurity({ token, tokenFile, tls }: Config['admin']): AdminSecurity {
  return {
    token: tokenFile === undefined ? (token ?? null) : readToken(tokenFile),
    // A client without a certificate may still get /ready.
    tls: tls === undefined ? null : serverTls({ ...tls, ca: tls.clientCa }, false),
  };
}

function readToken(file: string): string {
  const { value, error } = tokenOfFile(readFileSync(file));
  if (value === undefined) throw new Error(`admin.tokenFile: ${file} ${error}`);
  return value;
}

/** After a reload: mounted certificates and tokens are replaced while the process runs. */
export function renewAdmin(admin: AdminServer | null, logger: Logger): void {
  try {
    admin?.renew();
  } catch (error) {
    logger.error('cannot reload the admin certificate or token: the old ones stay in use', {
      reason: error instanceof Error ? error.message : String(error),
    });
  }
}
