import { isIP } from 'node:net';
import { type Address, formatAddress } from '../../core/address.ts';
import { shown } from '../../schema/problem.ts';
import { tokenOfFile } from '../table/admin-token.ts';
import { pemFilesMatch } from './files.ts';
import type { Rule } from './rule.ts';

/** One token, from a file that can be read. */
const adminTokenIsSound: Rule = (config, diagnostics, help) => {
  const { token, tokenFile } = config.admin ?? {};
  if (tokenFile === undefined) return;
  if (token !== undefined)
    diagnostics.problem('admin.tokenFile', 'and admin.token both give a token; write one of them');
  const read = help.readFile(tokenFile);
  const { error } = read.error === undefined ? tokenOfFile(read.value) : read;
  if (error !== undefined) diagnostics.problem('admin.tokenFile', `${shown(tokenFile)} ${error}`);
};

const adminTlsIsWhole: Rule = (config, diagnostics, help) => {
  const tls = config.admin?.tls;
  if (tls === undefined) return;
  for (const key of ['cert', 'key'] as const)
    if (tls[key] === undefined)
      diagnostics.problem(`admin.tls.${key}`, 'is missing; write the path of a PEM file');
  const authorities = { named: 'clientCa', file: tls.clientCa } as const;
  pemFilesMatch({ cert: tls.cert, key: tls.key, authorities }, 'admin.tls', diagnostics, help);
};

/** An admin server that other machines reach should ask who they are, and not in plain text. */
const adminIsGuarded: Rule = (config, diagnostics) => {
  const { listen, token, tokenFile, tls } = config.admin ?? {};
  if (listen === undefined || isLocal(listen)) return;
  const at = shown(formatAddress(listen));
  const hasToken = token !== undefined || tokenFile !== undefined;
  if (!hasToken && tls?.clientCa === undefined)
    diagnostics.warning(
      'admin.listen',
      `${at} is open to other machines without a token: they may read calls and configuration, and change nothing; write admin.tokenFile, or 127.0.0.1 here and admin.probes for the kubelet and Prometheus`,
    );
  else if (hasToken && tls === undefined)
    diagnostics.warning(
      'admin.listen',
      `${at} is open to other machines without TLS, so that the token travels in plain text; write admin.tls, or use it in a network that you trust`,
    );
};

function isLocal(address: Address): boolean {
  if (address.kind === 'unix') return true;
  const { host } = address;
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

export const adminRules = { adminTokenIsSound, adminTlsIsWhole, adminIsGuarded } satisfies Record<
  string,
  Rule
>;
