import { expect } from 'chai';
import { parse } from 'yaml';
import { configDumpText } from '../../../src/admin/config-dump-text.ts';

const dumped = { listeners: [{ name: 'own' }, { name: 'out' }], clusters: [{ name: 'out' }] };

describe('admin/config-dump-text', () => {
  it('names the resources before each object that a control plane sent, and stays the same YAML', () => {
    const resources = [{ kind: 'route', type: 't', name: 'odd\nname', version: '' }];
    const text = configDumpText(dumped, [{ object: 'listener', name: 'out', resources }]);
    expect(parse(text)).to.deep.equal(dumped);
    expect(text.split('\n').slice(0, 5)).to.deep.equal([
      'listeners:',
      '  - name: own',
      '  - # from the control plane:',
      '    # route configuration "odd?name", version (none)',
      '    name: out',
    ]);
    expect(text.match(/#/g)).to.have.length(2);
  });
});
