import type { ControlPlaneSnapshot } from '../../admin/control-plane-snapshot.ts';
import { spanText } from '../../admin/quantities.ts';
import { printable } from '../../admin/text-table.ts';
import { pluralize } from '../../core/pluralize.ts';
import type { Findings } from './finding.ts';

/** Refused resources that are listed. */
const refusedShownMax = 20;

/** Checks that a sidecar is connected to its control plane and has refused nothing. Finds nothing where there is no control plane. */
export function checkControlPlane(
  given: Partial<ControlPlaneSnapshot>,
  nowWallMs: number,
  found: Findings,
): void {
  if (given.server === undefined) return;
  const snapshot = given as ControlPlaneSnapshot;
  const { server, connected, sinceMs, lastError, staleMs, applied, kinds } = snapshot;
  const refused = kinds.flatMap((one) => one.refused.map((problem) => ({ ...problem, kind: one.kind })));
  const accepted = kinds.reduce((sum, { resources }) => sum + resources, 0);
  const counts = `${pluralize(accepted, 'resource')} accepted, ${refused.length} refused`;
  const named = printable(snapshot.controlPlane === '' ? server : `${server} (${snapshot.controlPlane})`);
  const forText = spanText(Math.max(0, nowWallMs - sinceMs));
  if (!connected)
    found.failed(
      'control-plane',
      `${named} has been disconnected for ${forText}, and the configuration may be stale by ${spanText(staleMs)}; ${counts}: ${printable(lastError) || 'no reason is known'}`,
      'start the control plane, or correct xds.server',
    );
  else if (!applied)
    found.warning(
      'control-plane',
      `${named} has been connected for ${forText}, and no configuration of it is applied yet; ${counts}`,
      'see what is missing or refused: GET /xds of the admin API',
    );
  else found.ok('control-plane', `${named} has been connected for ${forText}; ${counts}`);
  if (snapshot.refused !== '')
    found.warning(
      'control-plane',
      `the last configuration was refused as a whole: ${printable(snapshot.refused)}`,
      'correct what the reason names',
    );
  for (const { kind, name, path, message } of refused.slice(0, refusedShownMax))
    found.warning(
      'control-plane',
      printable(`${kind} "${name}" was refused: ${path === '' ? '' : `${path} `}${message}`),
      'correct it at the control plane; its last good version stays active',
    );
  if (refused.length > refusedShownMax)
    found.warning(
      'control-plane',
      `${pluralize(refused.length - refusedShownMax, 'more resource')} refused`,
      'see GET /xds of the admin API',
    );
}
