import { shown } from '../../schema/problem.ts';
import type { Rule } from './rule.ts';

/** A log that nobody can write would lose its lines without notice once the sidecar runs. */
const accessLogIsWritable: Rule = (config, diagnostics, help) => {
  const to = config.telemetry?.accessLog?.to;
  if (to?.kind !== 'file') return;
  const wrong = help.checkWritable(to.path);
  if (wrong !== undefined)
    diagnostics.problem('telemetry.accessLog.to', `${shown(`file:${to.path}`)}: ${wrong}`);
};

export const telemetryRules = { accessLogIsWritable } satisfies Record<string, Rule>;
