import { expect } from 'chai';
import { hasControlPlane, pushedPathOf, withPushed } from '../../../src/config/pushed.ts';
import { rawOf, sourceOf } from '../../../src/config/source.ts';
import { placeOfName } from '../../../src/schema/problem.ts';

const file = placeOfName('f.yaml');

describe('config/pushed', () => {
  it('puts what was pushed at the end of the lists of the file, or makes the lists', () => {
    const source = sourceOf({ listeners: [{ name: 'own' }], log: {} }, file);
    const joined = withPushed(source, { listeners: [{ name: 'a' }], clusters: [{ name: 'b' }] });
    expect(rawOf(joined)).to.deep.equal(
      rawOf(
        sourceOf({ log: {}, listeners: [{ name: 'own' }, { name: 'a' }], clusters: [{ name: 'b' }] }, file),
      ),
    );
    expect(withPushed(source, undefined)).to.equal(source);
  });

  it('knows the path of a pushed value by its place, and that of the file by none', () => {
    const { entries } = withPushed(sourceOf({}, file), {
      listeners: [{ name: 'a', routes: [{ cluster: 'x' }] }],
      clusters: [],
    }) as { entries: ReadonlyArray<{ value: { items: ReadonlyArray<{ place: { file: string } }> } }> };
    const place = { ...placeOfName(entries[0].value.items[0].place.file), path: '', message: '' };
    expect(pushedPathOf(place)).to.equal('listeners[0]');
    expect(pushedPathOf({ ...file, path: '', message: '' })).to.equal(undefined);
  });

  it('leaves no reference to a variable in what was pushed: it would read the environment of this process', () => {
    const joined = withPushed(sourceOf({}, file), { listeners: [{ name: `$\{HOME}` }], clusters: [] });
    expect(JSON.stringify(rawOf(joined))).to.contain('$$' + '{HOME}');
  });

  it('is asked for by a server or a bootstrap file, as keys or as variables', () => {
    expect(hasControlPlane(sourceOf({ xds: { server: 'a:1' } }, file), {})).to.equal(true);
    expect(hasControlPlane(sourceOf({ xds: { bootstrap: 'b.json' } }, file), {})).to.equal(true);
    expect(hasControlPlane(sourceOf({ xds: { node: {} } }, file), {})).to.equal(false);
    expect(hasControlPlane(sourceOf({}, file), { OUTRIGGER_XDS_SERVER: 'a:1' })).to.equal(true);
    expect(hasControlPlane(sourceOf({}, file), {})).to.equal(false);
  });
});
