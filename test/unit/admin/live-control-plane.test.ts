import { expect } from 'chai';
import { liveControlPlane } from '../../../src/admin/live-control-plane.ts';
import { fakeControlPlane } from '../../support/fake-control-plane.ts';

describe('admin/live-control-plane', () => {
  it('is null without a control plane, so that the page shows nothing', () => {
    expect(liveControlPlane(null)).to.equal(null);
  });

  it('counts resources, and lists what is refused, waits or is only partly used', () => {
    const refused = [{ name: 'routes', path: 'virtual_hosts[0]', message: 'is wrong' }];
    const waiting = [{ kind: 'listener', name: 'in', path: '', for: 'a secret' }];
    const live = liveControlPlane(fakeControlPlane({ refused, missing: ['b'] }, { waiting }));
    expect(live?.kinds).to.deep.equal([
      { kind: 'route', version: '7', resources: 3, missing: 1, refused: 1, lastAckAtMs: 1_000 },
    ]);
    expect(live?.notes).to.deep.equal([
      { what: 'refused', kind: 'route', name: 'routes', reason: 'virtual_hosts[0]: is wrong' },
      { what: 'waiting', kind: 'listener', name: 'in', reason: 'waits for a secret' },
    ]);
  });

  it('bounds what a control plane can put on the page', () => {
    const one = { name: 'n'.repeat(5_000), path: '', message: 'm\u0007'.repeat(5_000) };
    const live = liveControlPlane(fakeControlPlane({ refused: Array.from({ length: 60 }, () => one) }));
    expect([live?.notes.length, live?.notesLeftOut]).to.deep.equal([50, 10]);
    expect(live?.notes[0].name).to.have.length(400);
    expect(live?.notes[0].reason).to.have.length(400).and.not.contain('\u0007');
  });
});
