import { shown } from '../../schema/problem.ts';
import { pemFilesMatch } from './files.ts';
import type { Rule } from './rule.ts';

/** Settings of a control plane that is not named would have no effect, and nobody would notice. */
const controlPlaneIsNamed: Rule = ({ xds }, diagnostics) => {
  if (xds === undefined) return;
  if (xds.server !== undefined || xds.bootstrap !== undefined || xds.bootstrapConfig !== undefined) return;
  const { node = {}, tls, listeners = [], delta } = xds;
  const isSet = Object.values(node).some((value) => value !== '' && value !== undefined);
  if (isSet || tls !== undefined || listeners.length > 0 || delta)
    diagnostics.problem('xds', 'names no control plane; write server: host:port, or bootstrap: FILE');
};

/** What would end the start, or fail with each connection, is reported by `validate`. */
const bootstrapIsReadable: Rule = ({ xds }, diagnostics, { readFile, checkBootstrap }) => {
  if (checkBootstrap === undefined) return;
  const check = (path: string, text: string): void => {
    const { value: files = [], error } = checkBootstrap(text);
    if (error !== undefined) diagnostics.problem(path, error);
    for (const file of files) {
      const read = readFile(file);
      if (read.error !== undefined) diagnostics.problem(path, `names ${shown(file)}, which ${read.error}`);
    }
  };
  if (xds?.bootstrap !== undefined) {
    const { value, error } = readFile(xds.bootstrap);
    if (error === undefined) check('xds.bootstrap', value.toString('utf8'));
    else diagnostics.problem('xds.bootstrap', `${shown(xds.bootstrap)} ${error}`);
  } else if (xds?.bootstrapConfig !== undefined) check('xds.bootstrapConfig', xds.bootstrapConfig);
};

const controlPlaneTlsIsWhole: Rule = ({ xds }, diagnostics, help) => {
  const tls = xds?.tls;
  if (tls === undefined) return;
  if (tls.cert !== undefined && tls.key === undefined)
    diagnostics.problem('xds.tls.key', 'is missing; write the private key of cert');
  if (tls.key !== undefined && tls.cert === undefined)
    diagnostics.problem('xds.tls.cert', 'is missing; write the certificate of key');
  const authorities = { named: 'ca', file: tls.ca } as const;
  pemFilesMatch({ cert: tls.cert, key: tls.key, authorities }, 'xds.tls', diagnostics, help);
};

export const xdsRules = {
  controlPlaneIsNamed,
  bootstrapIsReadable,
  controlPlaneTlsIsWhole,
} satisfies Record<string, Rule>;
