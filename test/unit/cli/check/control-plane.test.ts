import { expect } from 'chai';
import type { ControlPlaneSnapshot } from '../../../../src/admin/control-plane-snapshot.ts';
import { checkControlPlane } from '../../../../src/cli/check/control-plane.ts';
import { Findings } from '../../../../src/cli/check/finding.ts';
import { fakeControlPlane } from '../../../support/fake-control-plane.ts';

function found(snapshot: Partial<ControlPlaneSnapshot>): string[] {
  const findings = new Findings('sidecar');
  checkControlPlane(snapshot, 65_000, findings);
  return findings.list.map(({ result, text }) => `${result}: ${text}`);
}

describe('cli/check/control-plane', () => {
  it('says nothing without a control plane', () => {
    expect(found({})).to.deep.equal([]);
  });

  it('shows the server, since when it is connected, and how many resources are accepted', () => {
    expect(found(fakeControlPlane())).to.deep.equal([
      'ok: plane:18000 (istiod) has been connected for 1 m 0 s; 3 resources accepted, 0 refused',
    ]);
  });

  it('fails where it is not connected, with the age of the configuration and the reason', () => {
    const lost = { connected: false, staleMs: 60_000, lastError: 'connection refused' };
    expect(found(fakeControlPlane({}, lost))).to.deep.equal([
      'failed: plane:18000 (istiod) has been disconnected for 1 m 0 s, and the configuration may be stale by 1 m 0 s; 3 resources accepted, 0 refused: connection refused',
    ]);
  });

  it('shows the reason of each refused resource, at most 20', () => {
    const refused = Array.from({ length: 22 }, (_, i) => ({
      name: `r${i}`,
      path: 'a[0]',
      message: 'is \u001bodd',
    }));
    const lines = found(fakeControlPlane({ refused }));
    expect(lines).to.have.length(22);
    expect(lines[1]).to.equal('warning: route "r0" was refused: a[0] is ?odd');
    expect(lines[21]).to.equal('warning: 2 more resources refused');
  });

  it('says that nothing is applied yet, and why a configuration was refused as a whole', () => {
    expect(found(fakeControlPlane({}, { applied: false, refused: 'log.level is wrong' }))).to.deep.equal([
      'warning: plane:18000 (istiod) has been connected for 1 m 0 s, and no configuration of it is applied yet; 3 resources accepted, 0 refused',
      'warning: the last configuration was refused as a whole: log.level is wrong',
    ]);
  });
});
