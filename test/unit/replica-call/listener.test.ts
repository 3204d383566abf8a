import { expect } from 'chai';
import { chooseListener, reachableAddress } from '../../../src/replica-call/listener.ts';

const listener = (name: string, direction = 'outbound', protocol = 'auto') => ({
  name,
  address: '127.0.0.1:1',
  direction,
  protocol,
});

describe('replica-call/listener', () => {
  it('chooses the named one, or the first outbound one that takes gRPC calls', () => {
    const all = [listener('in', 'inbound'), listener('tcp', 'outbound', 'tcp'), listener('out')];
    expect(chooseListener(all, undefined).value?.name).to.equal('out');
    expect(chooseListener(all, 'in').value?.name).to.equal('in');
    expect(chooseListener(all.slice(0, 2), undefined).value?.name).to.equal('in');
    expect(chooseListener(all, 'tcp').error).to.equal('the sidecar has no listener "tcp"; it has in, out');
    expect(chooseListener(all, 'outt').error).to.include('did you mean "out"?');
    expect(chooseListener([all[1]], undefined).error).to.include('no listener for gRPC calls');
  });

  it('reaches a wildcard address on loopback', () => {
    expect(['0.0.0.0:80', '[::]:80', '10.0.0.1:80', 'unix:/run/a.sock'].map(reachableAddress)).to.deep.equal([
      '127.0.0.1:80',
      '[::1]:80',
      '10.0.0.1:80',
      'unix:/run/a.sock',
    ]);
  });
});
