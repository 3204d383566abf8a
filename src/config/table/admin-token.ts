import type { Result } from '../../core/result.ts';
import type { Raw, ScalarType } from '../../schema/scalar-type.ts';

/** RFC 6750, section 2.1. */
const tokenPattern = /^[A-Za-z0-9._~+/-]{16,512}=*$/;
const write = 'write 16 to 512 letters, digits and any of "-._~+/", such as openssl rand -hex 32 makes';

/** A bearer token; no message shows what was written. */
export const adminToken: ScalarType<string> = {
  label: 'token',
  unit: '',
  jsonSchema: { type: 'string', minLength: 16, pattern: tokenPattern.source },
  fromText: (value) => value,
  toRaw: (value) => value,
  parse: (raw: Raw) => (typeof raw === 'string' ? checkToken(raw) : { error: `is not text; ${write}` }),
};

/** The token, or what is wrong with it. */
export function checkToken(token: string): Result<string> {
  if (tokenPattern.test(token)) return { value: token };
  if (token.length < 16) return { error: `has ${token.length} characters, which can be guessed; ${write}` };
  return { error: `holds characters that a token may not have, or is too long; ${write}` };
}

/** The same of a file that holds one, with or without a line feed behind it. */
export function tokenOfFile(bytes: Uint8Array): Result<string> {
  return checkToken(Buffer.from(bytes).toString('latin1').trim());
}
