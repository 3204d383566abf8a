import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import type { Environment } from '../config/environment.ts';
import { checkToken, tokenOfFile } from '../config/table/admin-token.ts';
import type { Address } from '../core/address.ts';
import type { Result } from '../core/result.ts';
import { clientTls } from '../security/tls-files.ts';
import { adminAddress } from './admin-address.ts';
import type { OutputFormat } from './io.ts';

/** What a command shows to the admin server, by the names of its flags; files are paths. */
export interface AdminFlags {
  readonly admin: string | undefined;
  readonly adminTokenFile?: string;
  readonly adminTlsCa?: string;
  readonly adminTlsCert?: string;
  readonly adminTlsKey?: string;
}

/** What every command takes that asks a running sidecar. */
export interface AskArguments extends AdminFlags {
  readonly output: OutputFormat;
}

/** The admin server of a running sidecar, and how to talk to it. */
export interface AdminTarget {
  readonly address: Address;
  /** Undefined where none is needed, which is so on the machine itself. */
  readonly token?: string;
  /** Undefined for plain text. */
  readonly tls?: ConnectionOptions;
}

const tokenFileVariable = 'OUTRIGGER_ADMIN_TOKEN_FILE';
const tokenVariable = 'OUTRIGGER_ADMIN_TOKEN';

/** Reads address, token and certificates as flags and variables name them. The error names the flag or variable. */
export function adminTarget(flags: AdminFlags, env: Environment): Result<AdminTarget> {
  const address = adminAddress(flags.admin, env);
  if (address.error !== undefined) return address;
  const token = tokenOf(flags.adminTokenFile, env);
  if (token.error !== undefined) return token;
  const tls = tlsOf(flags);
  if (tls.error !== undefined) return tls;
  return { value: { address: address.value, token: token.value ?? undefined, tls: tls.value ?? undefined } };
}

/** Of the flag's file, the variable's file, or the variable that holds it; null for none. */
function tokenOf(flag: string | undefined, env: Environment): Result<string | null> {
  const file = flag ?? (env[tokenFileVariable] || undefined);
  const name = flag === undefined ? tokenFileVariable : '--admin-token-file';
  if (file !== undefined) {
    const read = readFileOf(name, file);
    if (read.error !== undefined) return read;
    const { value, error } = tokenOfFile(read.value);
    return error === undefined ? { value } : { error: `${name}: "${file}" ${error}` };
  }
  const text = env[tokenVariable];
  if (text === undefined || text === '') return { value: null };
  const { value, error } = checkToken(text);
  return error === undefined ? { value } : { error: `${tokenVariable}: ${error}` };
}

function tlsOf({ adminTlsCa, adminTlsCert, adminTlsKey }: AdminFlags): Result<ConnectionOptions | null> {
  if (adminTlsCa === undefined) {
    if (adminTlsCert === undefined && adminTlsKey === undefined) return { value: null };
    return {
      error: '--admin-tls-cert and --admin-tls-key need --admin-tls-ca, the authority of the admin server',
    };
  }
  if ((adminTlsCert === undefined) !== (adminTlsKey === undefined))
    return { error: 'a client certificate needs both --admin-tls-cert and --admin-tls-key' };
  const files = { ca: adminTlsCa, cert: adminTlsCert, key: adminTlsKey };
  for (const [name, file] of Object.entries(files)) {
    const read = file === undefined ? undefined : readFileOf(`--admin-tls-${name}`, file);
    if (read?.error !== undefined) return { error: read.error };
  }
  return { value: clientTls(files, undefined) };
}

function readFileOf(name: string, file: string): Result<Buffer> {
  try {
    return { value: readFileSync(file) };
  } catch (error) {
    return { error: `${name}: cannot read "${file}": ${(error as NodeJS.ErrnoException).code ?? error}` };
  }
}
