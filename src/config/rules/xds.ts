import type { Rule } from './rule.ts';

/** Settings of a control plane that is not named would have no effect, and nobody would notice. */
const controlPlaneIsNamed: Rule = ({ xds }, diagnostics) => {
  if (xds === undefined || xds.server !== undefined || xds.bootstrap !== undefined) return;
  const { node = {}, tls, listeners = [], delta } = xds;
  const isSet = Object.values(node).some((value) => value !== '');
  if (isSet || tls !== undefined || listeners.length > 0 || delta)
    diagnostics.problem('xds', 'names no control plane; write server: host:port, or bootstrap: FILE');
};

export const xdsRules = { controlPlaneIsNamed } satisfies Record<string, Rule>;
