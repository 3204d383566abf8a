import { expect } from 'chai';
import { grantCommand } from '../../../../src/discovery/kubernetes/grant.ts';

describe('the command that grants access to EndpointSlices', () => {
  const said = (user: string) => `endpointslices is forbidden: User "${user}" cannot list resource`;
  const roles = (user: string) =>
    [...grantCommand(said(user), 'shop').matchAll(/create (?:role|rolebinding) (\S+)/g)].map(
      ([, name]) => name,
    );

  it('names the Role after the service account, as the manifests do', () => {
    expect(roles('system:serviceaccount:shop:cart')).to.deep.equal(['cart-outrigger', 'cart-outrigger']);
  });

  it('names it apart for an account of the same name in another namespace', () => {
    expect(roles('system:serviceaccount:web:cart')).to.deep.equal([
      'web-cart-outrigger',
      'web-cart-outrigger',
    ]);
  });

  it('binds a user who is no service account', () => {
    expect(roles('ada')).to.deep.equal(['outrigger', 'outrigger']);
    expect(grantCommand(said('ada'), 'shop')).to.match(/--role=outrigger --user=ada$/);
  });

  it('shows what to fill in where the server names nobody', () => {
    expect(grantCommand('forbidden', 'shop')).to.match(/--role=outrigger --serviceaccount=NAMESPACE:NAME$/);
  });
});
